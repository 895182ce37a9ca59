// eval, predict, verify, inspect and diff on a run, a checkpoint, a folder of exports and an
// export; and the NumPy script of the README.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>

#include "tests/cli/strata_process.h"

namespace strata::tests {
namespace {

using ::testing::HasSubstr;

constexpr const char* kTestFile = "datasets/adult/adult.test.gz";

/// One short run on Adult, exported twice, for all tests of this file.
class Trained : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    scratch_ = std::make_unique<ScratchFolder>();
    const Outcome trained = in_source({"train", "configs/wide_deep_adult.yaml", "--set",
                                       "checkpoint.path=" + run(), "--set", "train.max_steps=60"});
    ASSERT_EQ(trained.exit_code, 0) << trained.err;
    for (int i = 0; i < 2; ++i) {
      ASSERT_EQ(in_source({"export", run(), exports()}).exit_code, 0);
    }
  }
  static void TearDownTestSuite() { scratch_.reset(); }

  static std::string run() { return scratch_->path("run"); }
  static std::string exports() { return scratch_->path("exports"); }
  static std::string checkpoint() {
    std::istringstream name(read_text(run() + "/CURRENT"));
    std::string word;
    name >> word;
    return run() + "/" + word;
  }
  static std::string path(const std::string& name) { return scratch_->path(name); }
  static Outcome in_source(const std::vector<std::string>& arguments) {
    return run_strata(arguments, STRATA_SOURCE_DIR);
  }
  static std::vector<std::string> all() {
    return {run(), checkpoint(), exports(), exports() + "/v000001"};
  }

  static std::unique_ptr<ScratchFolder> scratch_;
};
std::unique_ptr<ScratchFolder> Trained::scratch_;

TEST_F(Trained, EvalAgreesEverywhere) {
  const nlohmann::json expected = in_source({"eval", run(), "--json"}).json();
  for (const std::string& model : all()) {
    const Outcome outcome = in_source({"eval", model, "--data", kTestFile, "--json"});
    ASSERT_EQ(outcome.exit_code, 0) << model << outcome.err;
    EXPECT_EQ(outcome.json()["samples"], 16281);
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
    const Outcome outcome = in_source({"predict", model, kTestFile, "--out", out, "--json"});
    ASSERT_EQ(outcome.exit_code, 0) << model << outcome.err;
    EXPECT_EQ(outcome.json()["rows"], 16281);
    const std::string found = read_text(out);
    EXPECT_EQ(std::count(found.begin(), found.end(), '\n'), 16281) << model;
    if (expected.empty()) expected = found;
    EXPECT_TRUE(found == expected) << model << " predicts other digits than " << run();
  }
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
    EXPECT_THAT(text.out, HasSubstr("last evaluation: auc 0.9")) << folder;
    EXPECT_TRUE(run_strata({"inspect", folder, "--json"}).json().is_object()) << folder;
  }
}

TEST_F(Trained, DiffComparesContent) {
  EXPECT_EQ(run_strata({"diff", run(), checkpoint()}).exit_code, 0);
  EXPECT_EQ(run_strata({"diff", exports() + "/v000001", exports() + "/v000002"}).exit_code, 0);
  const std::string other = path("other");
  ASSERT_EQ(in_source({"train", "configs/wide_deep_adult.yaml", "--overwrite", "--set",
                       "checkpoint.path=" + other, "--set", "train.max_steps=61"})
                .exit_code,
            0);
  const Outcome different = run_strata({"diff", run(), other});
  EXPECT_EQ(different.exit_code, 1);
  EXPECT_NE(different.out, "");
  ASSERT_EQ(in_source({"export", other, path("other_exports")}).exit_code, 0);
  EXPECT_EQ(run_strata({"diff", exports(), path("other_exports")}).exit_code, 1);
}

TEST_F(Trained, DamagedExportIs76ForEveryCommand) {
  const std::string damaged = path("damaged");
  std::filesystem::copy(exports() + "/v000001", damaged, std::filesystem::copy_options::recursive);
  std::filesystem::path victim;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(damaged)) {
    if (entry.path().string().ends_with(".rows.npy")) victim = entry.path();
  }
  ASSERT_FALSE(victim.empty());
  std::fstream file(victim, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(-1, std::ios::end);
  file.put('\x5a');
  file.close();
  const Outcome verified = run_strata({"verify", damaged});
  EXPECT_EQ(verified.exit_code, 76);
  EXPECT_THAT(verified.out, HasSubstr(victim.filename().string()));
  EXPECT_EQ(in_source({"eval", damaged, "--data", kTestFile}).exit_code, 76);
  EXPECT_EQ(in_source({"predict", damaged, kTestFile}).exit_code, 76);
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
