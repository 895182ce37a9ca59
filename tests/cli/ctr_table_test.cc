// The table of bench ctr, above all its comparison with published rows, and what presets claim.
#include "cli/ctr_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "cli/ctr_presets.h"

namespace strata::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

CtrLine line_of(std::vector<double> aucs) {
  CtrLine line;
  line.model = "deepfm";
  for (const double auc : aucs) {
    CtrResult result;
    result.auc = auc;
    result.logloss = 0.44;
    result.ne = 0.78;
    result.calibration = 1.01;
    result.samples_per_second = 25'000;
    result.memory_bytes = int64_t{3} << 30;
    line.results.push_back(result);
  }
  return line;
}

CtrTable table_of(CtrLine line) {
  CtrTable table;
  table.preset = "criteo_x1";
  table.data = "criteo_x1: 33003326 training rows, all row counts as published";
  table.lines.push_back(std::move(line));
  return table;
}

TEST(CtrTable, MeanAndDeviationOverSeeds) {
  const auto value = mean_of({0.80, 0.81, 0.82});
  ASSERT_TRUE(value.has_value());
  EXPECT_NEAR(value->mean, 0.81, 1e-12);
  EXPECT_NEAR(value->deviation, 0.01, 1e-12);
  EXPECT_EQ(mean_of({0.5})->deviation, 0);
  EXPECT_FALSE(mean_of({0.5, std::nullopt}).has_value());
  EXPECT_FALSE(mean_of({}).has_value());
}

TEST(CtrTable, OurRowStandsAboveThePublishedOneWithTheDifference) {
  CtrLine line = line_of({0.8128, 0.8130});
  line.published = PublishedResult{0.8138, 0.4380, "BARS DeepFM_criteo_x1"};
  const CtrTable table = table_of(line);
  const std::string text = to_text(table);
  const size_t ours = text.find("deepfm");
  const size_t published = text.find("  published ");
  const size_t difference = text.find("  difference ");
  ASSERT_NE(difference, std::string::npos) << text;
  EXPECT_LT(ours, published);
  EXPECT_LT(published, difference);
  EXPECT_THAT(text.substr(ours, published - ours), HasSubstr("0.8129 ±0.0001"));
  EXPECT_THAT(text.substr(published, difference - published), HasSubstr("BARS DeepFM_criteo_x1"));
  EXPECT_THAT(text.substr(difference), HasSubstr("-0.0009"));
  EXPECT_THAT(text.substr(difference), HasSubstr("+0.0020"));
  const nlohmann::ordered_json json = to_json(table)["models"][0];
  EXPECT_NEAR(json["auc_difference"].get<double>(), -0.0009, 1e-12);
  EXPECT_NEAR(json["logloss_difference"].get<double>(), 0.0020, 1e-12);
  EXPECT_EQ(json["published"]["source"], "BARS DeepFM_criteo_x1");
}

TEST(CtrTable, WithoutAPublishedRowItSaysWhy) {
  CtrLine line = line_of({0.8});
  line.why_not = "train.csv has 5 rows, the published one 33003326";
  const std::string text = to_text(table_of(line));
  EXPECT_THAT(text, HasSubstr("no published row: train.csv has 5 rows"));
  EXPECT_THAT(text, Not(HasSubstr("difference")));
}

TEST(CtrTable, APublishedRowMayLackLogloss) {
  CtrLine line = line_of({0.8});
  line.published = PublishedResult{0.8025, std::nullopt, "somewhere"};
  const nlohmann::ordered_json json = to_json(table_of(line))["models"][0];
  EXPECT_TRUE(json["published"]["logloss"].is_null());
  EXPECT_TRUE(json["logloss_difference"].is_null());
}

// One class alone in the evaluation data: AUC is undefined, not zero (F39).
TEST(CtrTable, UndefinedMetricsAreSaidToBe) {
  CtrLine line = line_of({0.8});
  line.results[0].auc = std::nullopt;
  const CtrTable table = table_of(line);
  EXPECT_THAT(to_text(table), HasSubstr("undefined"));
  EXPECT_TRUE(to_json(table)["models"][0]["auc"].is_null());
}

TEST(CtrPresets, KnowThePublishedRowCounts) {
  constexpr int64_t kKaggleRows = 45'840'617;
  EXPECT_EQ(find_preset("criteo_kaggle").train.rows, kKaggleRows);
  for (const char* name : {"criteo_x1", "criteo_x4"}) {
    const CtrPreset preset = find_preset(name);
    EXPECT_EQ(preset.train.rows + preset.eval.rows + preset.test.rows, kKaggleRows) << name;
  }
  const CtrPreset terabyte = find_preset("terabyte");
  EXPECT_EQ(terabyte.train.rows + terabyte.eval.rows, 4'373'472'329);
  EXPECT_EQ(terabyte.train.names.size() + terabyte.eval.names.size(), 24u);
}

TEST(CtrPresets, EveryPublishedResultHasASourceAndEveryGapAReason) {
  for (const std::string& name : preset_names()) {
    for (const PresetModel& model : find_preset(name).models) {
      SCOPED_TRACE(name + " " + model.name);
      if (!model.published) {
        EXPECT_NE(model.remark, "");
        continue;
      }
      EXPECT_NE(model.published->source, "");
      EXPECT_GT(model.published->auc, 0.75);
      EXPECT_LT(model.published->auc, 0.85);
    }
  }
}

}  // namespace
}  // namespace strata::cli
