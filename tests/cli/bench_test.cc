// strata bench ctr: models side by side; the layouts of the public data sets, on generated rows.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <sstream>

#include "tests/cli/strata_process.h"

namespace strata::tests {
namespace {

using ::testing::HasSubstr;

/// Settings that make any recipe small.
const std::vector<std::string> kSmall = {"--seeds", "1",
                                         "--set",   "train.batch_size=256",
                                         "--set",   "train.epochs=1",
                                         "--set",   "train.eval_batch_size=256"};

Outcome bench(const std::vector<std::string>& arguments, const ScratchFolder& scratch) {
  std::vector<std::string> all = {"bench", "ctr", "--json", "--out", scratch.path("runs")};
  all.insert(all.end(), arguments.begin(), arguments.end());
  all.insert(all.end(), kSmall.begin(), kSmall.end());
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

/// The same rows as CSV with the header of the BARS files.
std::string as_csv(std::string rows) {
  std::replace(rows.begin(), rows.end(), '\t', ',');
  std::string header = "label";
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

TEST(BenchCtr, ComparesModelsOnGeneratedRows) {
  const ScratchFolder scratch;
  const Outcome outcome =
      bench({"--models", "logistic_regression,dlrm", "--rows", "3000"}, scratch);
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const nlohmann::json result = outcome.json();
  ASSERT_EQ(result["models"].size(), 2u);
  EXPECT_EQ(result["models"][0]["model"], "logistic_regression");
  EXPECT_GT(result["models"][0]["auc"], 0.6);
}

TEST(BenchCtr, KaggleLayoutOfAnotherSizeHasNoPublishedRow) {
  const ScratchFolder scratch;
  scratch.write("train.txt", generated_rows(scratch, 3000));
  const Outcome outcome = bench({"--preset", "criteo_kaggle", "--path", scratch.path()}, scratch);
  expect_one_result(outcome, "dlrm");
  const nlohmann::json result = outcome.json();
  EXPECT_EQ(result["models"][0]["why_not_published"],
            "train.txt has 3000 rows, the published one 45840617");
  EXPECT_TRUE(result["models"][0]["published"].is_null());
}

TEST(BenchCtr, X1AndX4Layouts) {
  for (const char* preset : {"criteo_x1", "criteo_x4"}) {
    SCOPED_TRACE(preset);
    const ScratchFolder scratch;
    const std::string csv = as_csv(generated_rows(scratch, 1200));
    for (const char* name : {"train.csv", "valid.csv", "test.csv"}) scratch.write(name, csv);
    const Outcome outcome = bench({"--preset", preset, "--path", scratch.path(), "--models",
                                   "wide_deep", "--set", "model.hidden=[16]"},
                                  scratch);
    expect_one_result(outcome, "wide_deep");
    const std::string why = outcome.json()["models"][0]["why_not_published"];
    EXPECT_THAT(why, HasSubstr("train.csv has 1200 rows"));
    EXPECT_THAT(why, HasSubstr("test.csv has 1200 rows"));
  }
}

TEST(BenchCtr, TerabyteLayout) {
  const ScratchFolder scratch;
  const std::string rows = generated_rows(scratch, 50);
  for (int day = 0; day < 24; ++day) scratch.write("day_" + std::to_string(day), rows);
  const Outcome outcome = bench(
      {"--preset", "terabyte", "--path", scratch.path(), "--set",
       "dense.optimizer.learning_rate=0.1", "--set", "tables.defaults.optimizer.learning_rate=0.1"},
      scratch);
  expect_one_result(outcome, "dlrm");
  const std::string why = outcome.json()["models"][0]["why_not_published"];
  EXPECT_THAT(why, HasSubstr("day_0 … day_22 have 1150 rows, the published ones 4195197692"));
}

TEST(BenchCtr, MissingFilesAndOptionsAreNamed) {
  const ScratchFolder scratch;
  const Outcome absent = bench({"--preset", "criteo_kaggle", "--path", scratch.path()}, scratch);
  EXPECT_EQ(absent.exit_code, 66);
  EXPECT_THAT(absent.err, HasSubstr("train.txt is absent"));
  EXPECT_EQ(bench({"--preset", "criteo_kaggle"}, scratch).exit_code, 2);
  EXPECT_EQ(bench({"--models", "nonsense"}, scratch).exit_code, 2);
  EXPECT_EQ(bench({"--data", "/nonexistent.tsv", "--models", "dlrm"}, scratch).exit_code, 66);
}

}  // namespace
}  // namespace strata::tests
