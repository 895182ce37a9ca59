#include "data/schema.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "tests/data/input_fixture.h"

namespace strata::data {
namespace {

using testing::HasSubstr;

class SchemaTest : public InputTest {
 protected:
  static DataConfig csv(std::vector<ColumnConfig> columns) {
    DataConfig config;
    config.format = Format::kCsv;
    config.csv.fields = {"y", "a", "b", "l"};
    config.columns = std::move(columns);
    return config;
  }
  static std::string refusal(const DataConfig& config) {
    try {
      make_schema(config);
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::kConfig);
      return e.what();
    }
    return "accepted";
  }
  static std::string refusal(std::vector<ColumnConfig> columns) {
    return refusal(csv(std::move(columns)));
  }
};

TEST_F(SchemaTest, CriteoPreset) {
  const Schema schema = make_schema({});
  EXPECT_TRUE(schema.fitted);
  EXPECT_EQ(schema.dense.size(), 13u);
  EXPECT_EQ(schema.sparse.size(), 26u);
  EXPECT_EQ(schema.sparse[2].table, "C3");
  EXPECT_EQ(schema.dense_index("I13"), 12);
  EXPECT_EQ(schema.sparse_index("C27"), -1);
}

TEST_F(SchemaTest, BucketizedPresetAddsWideFeatures) {
  DataConfig config;
  config.columns = {{.preset = "criteo_bucketized"}};
  const Schema schema = make_schema(config);
  ASSERT_EQ(schema.sparse.size(), 39u);
  EXPECT_EQ(schema.sparse[26].name, "I1_bucket");
  EXPECT_EQ(schema.sparse[26].use, FeatureUse::kWide);
  EXPECT_EQ(schema.sparse[26].field, 1);
}

TEST_F(SchemaTest, JsonKeepsEveryBit) {
  Schema schema = make_schema(
      csv({{.name = "y", .type = ColumnType::kLabel, .positive = {"é", "\""}},
           {.name = "a", .type = ColumnType::kNumeric, .transform = Transform::kStandardised},
           {.name = "q",
            .source = "b",
            .type = ColumnType::kNumeric,
            .transform = Transform::kQuantiles,
            .quantiles = 4,
            .missing = 0.1},
           {.name = "l", .type = ColumnType::kList, .weight_separator = ":"}}));
  schema.dense[0].mean = 0.1 + 0.2;
  schema.dense[0].deviation = std::nextafter(1.0, 2.0);
  schema.sparse[0].boundaries = {-1e-300, 1.0 / 3, 1e300};
  schema.sparse[1].buckets = ~uint64_t{0};
  schema.hash_seed = ~uint64_t{0};
  const Schema back = schema_from_json(nlohmann::json::parse(to_json(schema).dump()));
  EXPECT_EQ(schema, back);
  EXPECT_EQ(schema.digest(), back.digest());
  Schema other = schema;
  other.dense[0].mean = std::nextafter(schema.dense[0].mean, 1);
  EXPECT_NE(schema.digest(), other.digest());
}

TEST_F(SchemaTest, DamagedJsonIsCorrupt) {
  const nlohmann::json json = to_json(make_schema({}));
  const auto message = [&](auto&& damage) -> std::string {
    nlohmann::json damaged = json;
    damage(damaged);
    try {
      schema_from_json(damaged);
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::kCorrupt);
      return e.what();
    }
    return "accepted";
  };
  EXPECT_THAT(message([](auto& j) { j.erase("dense"); }), HasSubstr("'dense' is absent"));
  EXPECT_THAT(message([](auto& j) { j["more"] = 1; }), HasSubstr("does not know"));
  EXPECT_THAT(message([](auto& j) { j["format"] = "x"; }), HasSubstr("'format'"));
  EXPECT_THAT(message([](auto& j) { j["dense"][0]["mean"] = "1"; }), HasSubstr("mean"));
  EXPECT_THAT(message([](auto& j) { j["label"]["field"] = 1e10; }), HasSubstr("label.field"));
  EXPECT_THAT(message([](auto& j) { j["hash_seed"] = -1; }), HasSubstr("hash_seed"));
  EXPECT_THAT(message([](auto& j) { j = 3; }), HasSubstr("not an object"));
}

TEST_F(SchemaTest, RefusesWhatMeansNothing) {
  EXPECT_THAT(refusal(std::vector<ColumnConfig>{}), HasSubstr("no column is a feature"));
  EXPECT_THAT(refusal({{.preset = "critoe"}}), HasSubstr("no preset is named 'critoe'"));
  EXPECT_THAT(refusal({{.name = "x"}}), HasSubstr("no field 'x'"));
  EXPECT_THAT(refusal({{.name = "a"}, {.name = "a"}}), HasSubstr("used twice"));
  EXPECT_THAT(refusal({{.name = ""}}), HasSubstr("needs a name"));
  EXPECT_THAT(refusal({{.name = "a", .keys = KeyRule::kHashed}}), HasSubstr("needs `buckets`"));
  EXPECT_THAT(refusal({{.name = "a", .buckets = 9}}), HasSubstr("`buckets` needs keys"));
  EXPECT_THAT(refusal({{.name = "a", .transform = Transform::kLog}}), HasSubstr("only numeric"));
  EXPECT_THAT(refusal({{.name = "a", .type = ColumnType::kCrossed, .of = {"b", "l"}}}),
              HasSubstr("'b' is no sparse column"));
  EXPECT_THAT(refusal({{.name = "l", .type = ColumnType::kList},
                       {.name = "b"},
                       {.name = "x", .type = ColumnType::kCrossed, .of = {"b", "l"}}}),
              HasSubstr("lists do not cross"));
  EXPECT_THAT(refusal({{.name = "y", .type = ColumnType::kLabel},
                       {.name = "z", .source = "a", .type = ColumnType::kLabel}}),
              HasSubstr("of type label already"));
  EXPECT_THAT(refusal({{.name = "l", .type = ColumnType::kList, .separator = "::"}}),
              HasSubstr("one character"));
}

TEST_F(SchemaTest, RefusesBadNumbers) {
  const auto with = [](Transform transform, std::vector<double> boundaries, int64_t quantiles) {
    return std::vector<ColumnConfig>{{.name = "a",
                                      .type = ColumnType::kNumeric,
                                      .transform = transform,
                                      .boundaries = std::move(boundaries),
                                      .quantiles = quantiles}};
  };
  EXPECT_THAT(refusal(with(Transform::kBoundaries, {}, 0)), HasSubstr("go together"));
  EXPECT_THAT(refusal(with(Transform::kLogSquared, {1}, 0)), HasSubstr("go together"));
  EXPECT_THAT(refusal(with(Transform::kBoundaries, {2, 1}, 0)), HasSubstr("ascending"));
  EXPECT_THAT(refusal(with(Transform::kQuantiles, {}, 1)), HasSubstr("2 or more"));
  auto columns = with(Transform::kNone, {}, 0);
  columns[0].clip = {2, 1};
  EXPECT_THAT(refusal(columns), HasSubstr("`clip`"));
  columns[0].clip = {};
  columns[0].missing = NAN;
  EXPECT_THAT(refusal(columns), HasSubstr("`missing`"));
}

TEST_F(SchemaTest, RefusesBadDialects) {
  DataConfig config = csv({{.name = "a"}});
  config.csv.delimiter = ",,";
  EXPECT_THAT(refusal(config), HasSubstr("data.csv.delimiter"));
  config.csv.delimiter = "\"";
  EXPECT_THAT(refusal(config), HasSubstr("data.csv.quote"));
  config = csv({{.name = "a"}});
  config.csv.fields = {"a", "a"};
  EXPECT_THAT(refusal(config), HasSubstr("same name"));
  config.csv.fields = {};
  config.csv.header = false;
  EXPECT_THAT(refusal(config), HasSubstr("`fields`"));
}

TEST_F(SchemaTest, StatisticsComeFromTrainingRowsOnly) {
  std::string text;
  for (int i = 0; i < 100; ++i) text += fmt::format("0,{},{},\n", i < 80 ? i % 4 : 1000, i);
  DataConfig config =
      csv({{.name = "y", .type = ColumnType::kLabel},
           {.name = "a", .type = ColumnType::kNumeric, .transform = Transform::kStandardised},
           {.name = "b",
            .type = ColumnType::kNumeric,
            .transform = Transform::kQuantiles,
            .quantiles = 4}});
  config.csv.header = false;
  config.train = {write("a.csv", text)};
  config.eval_fraction = 0.2;
  const Schema schema = fit_schema(config);
  EXPECT_TRUE(schema.fitted);
  EXPECT_DOUBLE_EQ(schema.dense[0].mean, 1.5);
  EXPECT_DOUBLE_EQ(schema.dense[0].deviation, std::sqrt(1.25));
  EXPECT_THAT(schema.sparse[0].boundaries, testing::ElementsAre(20, 40, 60));
}

TEST_F(SchemaTest, ConstantAndEmptyColumnsFit) {
  DataConfig config =
      csv({{.name = "a", .type = ColumnType::kNumeric, .transform = Transform::kStandardised},
           {.name = "b", .type = ColumnType::kNumeric, .transform = Transform::kStandardised},
           {.name = "q",
            .source = "b",
            .type = ColumnType::kNumeric,
            .transform = Transform::kQuantiles,
            .quantiles = 3}});
  config.csv.header = false;
  config.train = {write("a.csv", "0,7,,\n0,7,,\n")};
  const Schema schema = fit_schema(config);
  EXPECT_EQ(schema.dense[0].mean, 7);
  EXPECT_EQ(schema.dense[0].deviation, 1);
  EXPECT_EQ(schema.dense[1].mean, 0);
  EXPECT_TRUE(schema.sparse[0].boundaries.empty());
}

}  // namespace
}  // namespace strata::data
