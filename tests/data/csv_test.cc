// Columns of every type from CSV, and Adult's dialect.

#include <gmock/gmock.h>

#include "base/error.h"
#include "base/hash.h"
#include "data/transforms.h"
#include "tests/data/input_fixture.h"

namespace strata::data {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class Csv : public InputTest {
 protected:
  DataConfig config_of(const std::string& text, std::vector<ColumnConfig> columns) {
    DataConfig config = small_config({write("a.csv", text)});
    config.format = Format::kCsv;
    config.shuffle = false;
    config.max_bad_ratio = 1;
    config.columns = std::move(columns);
    return config;
  }
  Batch read(const DataConfig& config) {
    const auto reader = make_reader(config, fit_schema(config), Part::kTrain, {.batch_size = 1000});
    Batch batch;
    EXPECT_TRUE(reader->next(batch));
    statistics_ = reader->statistics();
    return batch;
  }
  static uint64_t id(const std::string& text) { return text_id(text, 0); }

  ReadStatistics statistics_;
};

TEST_F(Csv, EveryColumnType) {
  const DataConfig config = config_of(
      "y,age,city,tags,w,t,g,name,other\n"
      "1,20,Rome,3:0.5|4,2.5,100,a,u1,z\n"
      "0,30,,,1,200,b,u2,z\n"
      "0,,Oslo,7,1,300,a,u3,z\n",
      {{.name = "y", .type = ColumnType::kLabel},
       {.name = "age", .type = ColumnType::kNumeric},
       {.name = "age_bucket",
        .source = "age",
        .type = ColumnType::kNumeric,
        .transform = Transform::kBoundaries,
        .boundaries = {20, 25}},
       {.name = "city"},
       {.name = "tags",
        .type = ColumnType::kList,
        .encoding = IdEncoding::kDecimal,
        .weight_separator = ":"},
       {.name = "age_x_city", .type = ColumnType::kCrossed, .of = {"age_bucket", "city"}},
       {.name = "w", .type = ColumnType::kSampleWeight},
       {.name = "t", .type = ColumnType::kTime},
       {.name = "g", .type = ColumnType::kGroup},
       {.name = "name", .type = ColumnType::kId},
       {.name = "other", .type = ColumnType::kIgnore}});
  const Batch batch = read(config);
  const uint64_t none = id("");
  const auto cross = [](uint64_t a, uint64_t b) { return combine64(combine64(kCrossSeed, a), b); };
  EXPECT_EQ(statistics_.bad, 0);
  EXPECT_EQ(batch.size, 3);
  EXPECT_THAT(batch.labels, ElementsAre(1, 0, 0));
  EXPECT_THAT(batch.dense, ElementsAre(20, 30, 0));
  EXPECT_THAT(batch.ids,
              ElementsAre(1, 2, none, id("Rome"), none, id("Oslo"), 3, 4, 7, cross(1, id("Rome")),
                          cross(2, none), cross(none, id("Oslo"))));
  EXPECT_THAT(batch.offsets, ElementsAre(0, 1, 2, 3, 4, 5, 6, 8, 8, 9, 10, 11, 12));
  EXPECT_THAT(batch.id_weights, ElementsAre(1, 1, 1, 1, 1, 1, 0.5, 1, 1, 1, 1, 1));
  EXPECT_THAT(batch.sample_weights, ElementsAre(2.5, 1, 1));
  EXPECT_THAT(batch.times, ElementsAre(100, 200, 300));
  EXPECT_THAT(batch.groups, ElementsAre(id("a"), id("b"), id("a")));
  EXPECT_THAT(batch.sample_ids, ElementsAre("u1", "u2", "u3"));
}

TEST_F(Csv, QuotesTrimmingAndMissingMarkers) {
  DataConfig config = config_of(
      "y;a;b\n"
      "1;\"x;y\"; plain \n"
      "0; \"say \"\"hi\"\"\" ;NA\n"
      "0;\"open;b\n"
      "0;\"a\"b;c\n"
      "1;;?\n",
      {{.name = "y", .type = ColumnType::kLabel}, {.name = "a"}, {.name = "b"}});
  config.csv.delimiter = ";";
  config.csv.missing = {"?", "NA"};
  const Batch batch = read(config);
  EXPECT_THAT(batch.ids,
              ElementsAre(id("x;y"), id("say \"hi\""), id(""), id("plain"), id(""), id("")));
  ASSERT_EQ(statistics_.first_bad.size(), 2u);
  EXPECT_EQ(statistics_.first_bad[0].line, 4);
  EXPECT_EQ(statistics_.first_bad[0].reason, "a quoted field does not end on its line");
  EXPECT_EQ(statistics_.first_bad[1].reason, "text after a closing quote");
}

TEST_F(Csv, F33NulCarriageReturnAndBadUtf8AreBadRows) {
  const DataConfig config = config_of("\xef\xbb\xbfy,a\r\n" + std::string("1,x\0y\n", 6) +
                                          "1,x\ry\n1,\xff\n1,\xc3\xa9t\xc3\xa9\r\n",
                                      {{.name = "y", .type = ColumnType::kLabel}, {.name = "a"}});
  const Batch batch = read(config);
  EXPECT_THAT(batch.ids, ElementsAre(id("été")));
  ASSERT_EQ(statistics_.bad, 3);
  EXPECT_EQ(statistics_.first_bad[0].reason, "the line contains a NUL byte");
  EXPECT_EQ(statistics_.first_bad[0].line, 2);
  EXPECT_EQ(statistics_.first_bad[1].reason, "the line contains a carriage return");
  EXPECT_EQ(statistics_.first_bad[2].reason, "the line is not valid UTF-8");
}

TEST_F(Csv, F34And35Numbers) {
  const std::string text =
      "x\n99999999999999999999\n-1\n1e3\n0x10\n\"\"\n+2.5\nnan\ninf\n1e39\n1e999\n1e-999\n";
  DataConfig config = config_of(text, {{.name = "x", .type = ColumnType::kNumeric}});
  EXPECT_THAT(read(config).dense, ElementsAre(1e20f, -1, 1000, 0, 2.5, 0));
  EXPECT_EQ(statistics_.bad, 5);
  EXPECT_THAT(statistics_.first_bad[0].reason, HasSubstr("x: '0x10' is not a number"));
  EXPECT_THAT(statistics_.first_bad[1].reason, HasSubstr("x: 'nan' is not finite"));
  EXPECT_THAT(statistics_.first_bad[2].reason, HasSubstr("x: 'inf' is not finite"));

  config.columns[0].non_finite = NonFinite::kMissing;
  config.columns[0].missing = 7;
  EXPECT_THAT(read(config).dense,
              ElementsAre(1e20f, -1, 1000, 7, 2.5, 7, 7, 3.4028234663852886e38f, 7, 0));

  config.columns[0].non_finite = NonFinite::kBadRow;
  config.columns[0].clip = {-0.5, 100};
  EXPECT_THAT(read(config).dense, ElementsAre(100, -0.5, 100, 7, 2.5, 100, 100, 100, 0));
}

TEST_F(Csv, F36LabelValues) {
  const std::string text = "y,a\n1,a\n0,b\n1.0,c\n2,d\n-1,e\n0.5,f\n,g\nyes,h\n";
  DataConfig config = config_of(text, {{.name = "y", .type = ColumnType::kLabel}, {.name = "a"}});
  EXPECT_THAT(read(config).labels, ElementsAre(1, 0, 1));
  EXPECT_EQ(statistics_.bad, 5);
  config.columns[0].positive = {"yes", "2"};
  EXPECT_THAT(read(config).labels, ElementsAre(0, 0, 0, 1, 0, 0, 1));
  EXPECT_EQ(statistics_.bad, 1);
  config.columns[0].negative = {"0", "1"};
  EXPECT_THAT(read(config).labels, ElementsAre(0 + 0, 0, 1, 1));
  EXPECT_EQ(statistics_.bad, 4);
}

TEST_F(Csv, BadRowLeavesNothingInLists) {
  const DataConfig config =
      config_of("l,m,x\n1|2,a,1\n3|4,b,oops\n5,c,2\n",
                {{.name = "l", .type = ColumnType::kList, .encoding = IdEncoding::kDecimal},
                 {.name = "m", .type = ColumnType::kList},
                 {.name = "x", .type = ColumnType::kNumeric}});
  const Batch batch = read(config);
  EXPECT_THAT(batch.ids, ElementsAre(1, 2, 5, id("a"), id("c")));
  EXPECT_THAT(batch.offsets, ElementsAre(0, 2, 3, 4, 5));
}

TEST_F(Csv, ListsAreCutAtMaxLength) {
  const DataConfig config = config_of("l\n1|2|3\n||4||\n5:x\n", {{.name = "l",
                                                                  .type = ColumnType::kList,
                                                                  .encoding = IdEncoding::kDecimal,
                                                                  .weight_separator = ":",
                                                                  .max_length = 2}});
  const Batch batch = read(config);
  EXPECT_THAT(batch.ids, ElementsAre(1, 2, 4));
  EXPECT_THAT(statistics_.first_bad.at(0).reason, HasSubstr("l: '5:x' has no finite weight"));
}

TEST_F(Csv, KeyRulesReduceIds) {
  const DataConfig config =
      config_of("a\n12\n7\n", {{.name = "e", .source = "a", .encoding = IdEncoding::kDecimal},
                               {.name = "m",
                                .source = "a",
                                .keys = KeyRule::kModulo,
                                .encoding = IdEncoding::kDecimal,
                                .buckets = 10},
                               {.name = "h",
                                .source = "a",
                                .keys = KeyRule::kHashed,
                                .encoding = IdEncoding::kDecimal,
                                .buckets = 10},
                               {.name = "t", .source = "a"},
                               {.name = "x",
                                .type = ColumnType::kCrossed,
                                .keys = KeyRule::kModulo,
                                .buckets = 5,
                                .of = {"e", "h"}}});
  const Batch batch = read(config);
  EXPECT_THAT(batch.ids, ElementsAre(12, 7, 2, 7, mix64(12) % 10, mix64(7) % 10, id("12"), id("7"),
                                     combine64(combine64(kCrossSeed, 12), 12) % 5,
                                     combine64(combine64(kCrossSeed, 7), 7) % 5));
}

TEST_F(Csv, ColumnsAreFoundByHeaderInEveryFile) {
  DataConfig config = config_of(
      "y,a,b\n1,p,q\n", {{.name = "y", .type = ColumnType::kLabel}, {.name = "a"}, {.name = "b"}});
  const Schema schema = make_schema(config);
  config.eval = {write("e.csv", "b,extra,y,a\nq,z,0,p\n")};
  Batch batch;
  ASSERT_TRUE(make_reader(config, schema, Part::kEval, {})->next(batch));
  EXPECT_THAT(batch.ids, ElementsAre(id("p"), id("q")));
  config.eval = {write("e.csv", "b,a\nq,p\n")};
  EXPECT_THROW(make_reader(config, schema, Part::kEval, {}), Error);
  const auto unlabelled = make_reader(config, schema, Part::kEval, {.labels = false});
  ASSERT_TRUE(unlabelled->next(batch));
  EXPECT_THAT(batch.ids, ElementsAre(id("p"), id("q")));
  EXPECT_TRUE(batch.labels.empty());
}

TEST_F(Csv, AdultIsReadWhole) {
  const std::string folder = STRATA_SOURCE_DIR "/datasets/adult/";
  DataConfig config;
  config.format = Format::kCsv;
  config.train = {folder + "adult.data.gz"};
  config.eval = {folder + "adult.test.gz"};
  config.max_bad_ratio = 0;
  config.csv.header = false;
  config.csv.missing = {"?"};
  config.csv.fields = {"age",     "workclass",  "fnlwgt",       "education", "education_num",
                       "marital", "occupation", "relationship", "race",      "sex",
                       "gain",    "loss",       "hours",        "country",   "income"};
  config.columns = {
      {.name = "age", .type = ColumnType::kNumeric, .transform = Transform::kStandardised},
      {.name = "age_decile",
       .source = "age",
       .type = ColumnType::kNumeric,
       .transform = Transform::kQuantiles,
       .quantiles = 10},
      {.name = "workclass"},
      {.name = "education"},
      {.name = "income",
       .type = ColumnType::kLabel,
       .positive = {">50K", ">50K."},
       .negative = {"<=50K", "<=50K."}}};
  const Schema schema = fit_schema(config);
  EXPECT_NEAR(schema.dense[0].mean, 38.5816, 1e-4);
  EXPECT_NEAR(schema.dense[0].deviation, 13.6402, 1e-4);
  EXPECT_EQ(schema.sparse[0].boundaries.size(), 9u);
  const std::pair<Part, std::pair<int64_t, int64_t>> parts[] = {{Part::kTrain, {32561, 7841}},
                                                                {Part::kEval, {16281, 3846}}};
  for (const auto& [part, expected] : parts) {
    int64_t rows = 0;
    int64_t positive = 0;
    const auto reader = make_reader(config, schema, part, {});
    for (Batch batch; reader->next(batch);) {
      rows += batch.size;
      for (const float label : batch.labels) positive += label == 1;
    }
    EXPECT_EQ(rows, expected.first);
    EXPECT_EQ(positive, expected.second);
    EXPECT_EQ(reader->statistics().bad, 0);
  }
}

}  // namespace
}  // namespace strata::data
