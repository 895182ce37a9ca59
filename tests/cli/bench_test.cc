// strata bench ctr: models side by side; the layouts of the public data sets, on generated rows.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "tests/cli/strata_process.h"
#include "tests/sanitized.h"

namespace strata::tests {
namespace {

using ::testing::HasSubstr;

/// Settings that make any recipe small.
const std::vector<std::string> kSmall = {"--seeds", "1",
                                         "--set",   "train.batch_size=256",
                                         "--set",   "train.epochs=1",
                                         "--set",   "train.eval_batch_size=256"};

Outcome bench(const std::vector<std::string>& arguments, const ScratchFolder& scratch) {
  std::vector<std::string> all = {"--json", "bench", "ctr", "--out", scratch.path("runs")};
  all.insert(all.end(), kSmall.begin(), kSmall.end());
  all.insert(all.end(), arguments.begin(), arguments.end());
  return run_strata(all, STRATA_SOURCE_DIR);
}

/// Generated Criteo rows as TSV text.
std::string generated_rows(const ScratchFolder& scratch, int rows) {
  const std::string path = scratch.path("generated");
  run_strata({"data", "gen", path, "--rows", std::to_string(rows), "--no-report"});
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

/// The same rows as CSV with the header of the BARS files, which begins with the label's name.
std::string as_csv(std::string rows, std::string header) {
  std::replace(rows.begin(), rows.end(), '\t', ',');
  for (int i = 1; i <= 13; ++i) header += ",I" + std::to_string(i);
  for (int i = 1; i <= 26; ++i) header += ",C" + std::to_string(i);
  return header + "\n" + rows;
}

void expect_one_result(const Outcome& outcome, const std::string& model) {
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const nlohmann::json result = outcome.json();
  ASSERT_EQ(result["models"].size(), 1u);
  const nlohmann::json& line = result["models"][0];
  EXPECT_EQ(line["model"], model);
  EXPECT_TRUE(line["auc"].is_number());
  EXPECT_TRUE(line["logloss"].is_number());
  EXPECT_GT(line["samples_per_second"], 0);
  EXPECT_GT(line["memory_bytes"], 1 << 20);
}

class Presets : public testing::Test {
 protected:
  void SetUp() override {
    if (kSanitized) GTEST_SKIP() << "models of published widths take minutes there";
  }
};

TEST(BenchCtr, ComparesModelsOnGeneratedRows) {
  const ScratchFolder scratch;
  const Outcome outcome = bench(
      {"--models", "wide_deep,deepfm", "--rows", "3000", "--set", "model.hidden=[16]"}, scratch);
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const nlohmann::json result = outcome.json();
  ASSERT_EQ(result["models"].size(), 2u);
  EXPECT_EQ(result["models"][0]["model"], "wide_deep");
  EXPECT_GT(result["models"][0]["auc"], 0.6);
}

TEST(BenchCtr, WritesTheTableForPeopleAndJsonToAFile) {
  const ScratchFolder scratch;
  const std::string file = scratch.path("result.json");
  const Outcome outcome =
      run_strata({"bench", "ctr", "--models", "logistic_regression", "--rows", "1500", "--seeds",
                  "2", "--out", scratch.path("runs"), "--json", file},
                 STRATA_SOURCE_DIR);
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  for (const char* column : {"auc", "logloss", "ne", "calibration", "samples/s", "memory", "±"}) {
    EXPECT_THAT(outcome.out, HasSubstr(column));
  }
  const nlohmann::json result = nlohmann::json::parse(std::ifstream(file));
  const nlohmann::json& line = result["models"][0];
  EXPECT_EQ(line["seeds"], 2);
  EXPECT_GT(line["auc_deviation"], 0) << "two seeds give two results";
}

TEST_F(Presets, KaggleLayoutOfAnotherSizeHasNoPublishedRow) {
  const ScratchFolder scratch;
  scratch.write("train.txt", generated_rows(scratch, 3000));
  const Outcome outcome = bench({"--preset", "criteo_kaggle", "--path", scratch.path()}, scratch);
  expect_one_result(outcome, "dlrm");
  const nlohmann::json result = outcome.json();
  EXPECT_EQ(result["models"][0]["why_not_published"],
            "train.txt has 3000 rows, the published one 45840617");
  EXPECT_TRUE(result["models"][0]["published"].is_null());
  EXPECT_THAT(result["data"].get<std::string>(), HasSubstr("not the published data"));
  // The last of seven days is evaluated, the others are trained.
  EXPECT_THAT(outcome.err, HasSubstr("428 samples"));
}

/// Both BARS sets, whose label fields differ.
TEST_F(Presets, X1AndX4Layouts) {
  for (const auto& [preset, label] : {std::pair("criteo_x1", "label"), {"criteo_x4", "Label"}}) {
    SCOPED_TRACE(preset);
    const ScratchFolder scratch;
    const std::string csv = as_csv(generated_rows(scratch, 1200), label);
    for (const char* name : {"train.csv", "valid.csv", "test.csv"}) scratch.write(name, csv);
    const Outcome outcome = bench({"--preset", preset, "--path", scratch.path(), "--models",
                                   "wide_deep", "--set", "model.hidden=[16]"},
                                  scratch);
    expect_one_result(outcome, "wide_deep");
    const std::string why = outcome.json()["models"][0]["why_not_published"];
    EXPECT_THAT(why, HasSubstr("train.csv has 1200 rows, the published one 3"));
    EXPECT_THAT(why, HasSubstr("valid.csv has 1200 rows"));
    EXPECT_THAT(why, HasSubstr("test.csv has 1200 rows"));
  }
}

TEST_F(Presets, EveryX1AndX4RecipeIsAModelThatTrains) {
  for (const char* preset : {"criteo_x1", "criteo_x4"}) {
    SCOPED_TRACE(preset);
    const ScratchFolder scratch;
    const std::string csv = as_csv(generated_rows(scratch, 400), "label");
    for (const char* name : {"train.csv", "valid.csv", "test.csv"}) scratch.write(name, csv);
    const Outcome outcome = bench(
        {"--preset", preset, "--path", scratch.path(), "--set", "train.max_steps=1"}, scratch);
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    const size_t models = outcome.json()["models"].size();
    EXPECT_EQ(models, preset == std::string("criteo_x1") ? 5u : 4u);
  }
}

TEST_F(Presets, TerabyteLayoutIsEvaluatedOnTheFirstHalfOfTheLastDay) {
  const ScratchFolder scratch;
  const std::string rows = generated_rows(scratch, 51);
  for (int day = 0; day < 24; ++day) scratch.write("day_" + std::to_string(day), rows);
  const Outcome outcome = bench(
      {"--preset", "terabyte", "--path", scratch.path(), "--set",
       "dense.optimizer.learning_rate=0.1", "--set", "tables.defaults.optimizer.learning_rate=0.1"},
      scratch);
  expect_one_result(outcome, "dlrm");
  const std::string why = outcome.json()["models"][0]["why_not_published"];
  EXPECT_THAT(why, HasSubstr("day_0 … day_22 have 1173 rows, the published ones 4195197692"));
  EXPECT_THAT(why, HasSubstr("day_23 has 51 rows, the published one 178274637"));
  EXPECT_THAT(outcome.err, HasSubstr("| 26 samples"));
}

TEST(BenchCtr, MissingFilesAndOptionsAreNamed) {
  const ScratchFolder scratch;
  const Outcome absent = bench({"--preset", "criteo_kaggle", "--path", scratch.path()}, scratch);
  EXPECT_EQ(absent.exit_code, 66);
  EXPECT_THAT(absent.err, HasSubstr("train.txt is absent"));
  EXPECT_EQ(absent.json()["exit_code"], 66);
  const Outcome none =
      bench({"--preset", "terabyte", "--path", scratch.path(), "--models", "deepfm"}, scratch);
  EXPECT_EQ(none.exit_code, 2);
  EXPECT_THAT(none.err, HasSubstr("terabyte has recipes for: dlrm"));
  for (const std::vector<std::string>& wrong :
       {std::vector<std::string>{"--preset", "criteo_kaggle"},
        {"--preset", "criteo_kaggle", "--path", scratch.path(), "--data", "x"},
        {"--eval", "x"},
        {"--models", "nonsense"},
        {"--seeds", "0"}}) {
    EXPECT_EQ(bench(wrong, scratch).exit_code, 2) << ::testing::PrintToString(wrong);
  }
  EXPECT_EQ(bench({"--data", "/nonexistent.tsv", "--models", "dlrm"}, scratch).exit_code, 66);
  scratch.write("train.csv", "click,I1\n1,2\n");
  for (const char* name : {"valid.csv", "test.csv"}) scratch.write(name, "label\n1\n");
  const Outcome header = bench({"--preset", "criteo_x1", "--path", scratch.path()}, scratch);
  EXPECT_EQ(header.exit_code, 65);
  EXPECT_THAT(header.err, HasSubstr("train.csv:1: the header has no field named label"));
}

}  // namespace
}  // namespace strata::tests
