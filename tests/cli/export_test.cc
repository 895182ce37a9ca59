// eval, predict, verify, inspect and diff on a run, a checkpoint, a folder of exports and an
// export; and the NumPy script of the README.
#include <algorithm>
#include <fstream>

#include "tests/cli/trained.h"

namespace strata::tests {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST_F(Trained, TrainTellsItsResultAndTheDevice) {
  const nlohmann::json result = trained_.json();
  for (const char* key : {"auc", "logloss", "ne", "calibration", "samples", "samples_per_second",
                          "steps", "checkpoint"}) {
    EXPECT_TRUE(result.contains(key)) << key;
  }
  EXPECT_GT(result["auc"], 0.85);
  EXPECT_THAT(trained_.err, StartsWith("cpu, ")) << "the first line names the device";
  EXPECT_THAT(trained_.err, HasSubstr("eval at step"));
}

TEST_F(Trained, EvalAgreesEverywhere) {
  const nlohmann::json expected = in_source({"eval", run(), "--json"}).json();
  EXPECT_EQ(expected["auc"], trained_.json()["auc"]);
  EXPECT_EQ(expected["logloss"], trained_.json()["logloss"]);
  for (const std::string& model : all()) {
    const Outcome outcome = in_source({"eval", model, "--data", test_file(), "--json"});
    ASSERT_EQ(outcome.exit_code, 0) << model << outcome.err;
    EXPECT_EQ(outcome.json()["samples"], kTestRows);
    EXPECT_EQ(outcome.json()["auc"], expected["auc"]) << model;  // every bit
    EXPECT_EQ(outcome.json()["logloss"], expected["logloss"]) << model;
  }
}

TEST_F(Trained, ResumeOfACheckpointNamesItsRun) {
  const Outcome outcome =
      in_source({"train", "configs/wide_deep_adult.yaml", "--resume", checkpoint()});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("--resume " + run()));
  EXPECT_EQ(run_strata({"verify", run()}).exit_code, 0);
}

TEST_F(Trained, EvalOfAnExportNeedsData) {
  const Outcome outcome = in_source({"eval", exports()});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("--data FILE"));
}

TEST_F(Trained, PredictAgreesEverywhere) {
  std::string expected;
  for (const std::string& model : all()) {
    const std::string out = path("predictions.tsv");
    const Outcome outcome = in_source({"predict", model, test_file(), "--out", out, "--json"});
    ASSERT_EQ(outcome.exit_code, 0) << model << outcome.err;
    EXPECT_EQ(outcome.json()["rows"], kTestRows);
    const std::string found = read_text(out);
    EXPECT_EQ(std::count(found.begin(), found.end(), '\n'), kTestRows) << model;
    if (expected.empty()) expected = found;
    EXPECT_TRUE(found == expected) << model << " predicts other digits than " << run();
  }
  EXPECT_EQ(in_source({"predict", run(), test_file(), "--json"}).exit_code, 2);
}

TEST_F(Trained, ARunsFolderIsNoPlaceForExports) {
  const std::string before = read_text(run() + "/CURRENT");
  const Outcome outcome = in_source({"export", run(), run()});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_THAT(outcome.err, HasSubstr("is the folder of a run"));
  EXPECT_EQ(read_text(run() + "/CURRENT"), before);
}

TEST_F(Trained, VerifyAndInspectTakeEach) {
  for (const std::string& folder : all()) {
    const Outcome verified = run_strata({"verify", folder, "--json"});
    EXPECT_EQ(verified.exit_code, 0) << folder << verified.err;
    EXPECT_EQ(verified.json()["intact"], true) << folder;
    const Outcome text = run_strata({"inspect", folder});
    EXPECT_EQ(text.exit_code, 0) << folder << text.err;
    EXPECT_THAT(text.out, HasSubstr("education")) << folder;
    EXPECT_THAT(text.out, HasSubstr("last evaluation: auc 0.")) << folder;
    EXPECT_TRUE(run_strata({"inspect", folder, "--json"}).json().is_object()) << folder;
  }
}

TEST_F(Trained, DiffComparesContent) {
  EXPECT_EQ(run_strata({"diff", run(), checkpoint()}).exit_code, 0);
  EXPECT_EQ(run_strata({"diff", exports() + "/v000001", exports() + "/v000002"}).exit_code, 0);
  EXPECT_EQ(run_strata({"diff", run(), exports()}).exit_code, 2);
  const std::string other = copy_of(run(), "other");
  ASSERT_EQ(in_source(train(other, kSteps + 1, {"--overwrite"})).exit_code, 0);
  const Outcome different = run_strata({"diff", run(), other});
  EXPECT_EQ(different.exit_code, 1);
  EXPECT_NE(different.out, "");
  ASSERT_EQ(in_source({"export", other, path("other_exports")}).exit_code, 0);
  EXPECT_EQ(run_strata({"diff", exports(), path("other_exports")}).exit_code, 1);
}

/// The first fenced python block of the README.
std::string readme_script() {
  const std::string readme = read_text(STRATA_SOURCE_DIR "/README.md");
  const std::string fence = "```python\n";
  const size_t begin = readme.find(fence) + fence.size();
  return readme.substr(begin, readme.find("```", begin) - begin);
}

TEST_F(Trained, TheReadmesNumpyScriptReadsATable) {
  const std::string script = readme_script();
  EXPECT_EQ(std::count(script.begin(), script.end(), '\n'), 10) << "ten lines are promised";
  const std::string python = STRATA_PYTHON;
  if (std::system((python + " -c 'import numpy' > /dev/null 2>&1").c_str()) != 0) {
    GTEST_SKIP() << python << " has no numpy";
  }
  std::ofstream(path("read_table.py")) << script;
  const std::string command = python + " " + path("read_table.py") + " " + exports() +
                              " education > " + path("script.out") + " 2>&1";
  EXPECT_EQ(std::system(command.c_str()), 0) << read_text(path("script.out"));
  // 16 levels of education, rows of 8 weights.
  EXPECT_THAT(read_text(path("script.out")), HasSubstr("(16,) (16, 8)"));
}

}  // namespace
}  // namespace strata::tests
