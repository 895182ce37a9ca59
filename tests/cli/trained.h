#pragma once
// One short run on the first rows of UCI Adult, exported twice: what the commands are tried on that
// take a run, a checkpoint, a folder of exports or an export.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "tests/cli/strata_process.h"

namespace strata::tests {

/// One for all its tests, which leave it as it is and harm copies of it.
class Trained : public ::testing::Test {
 protected:
  static constexpr int kSteps = 60;       // two epochs, near enough
  static constexpr int kTestRows = 2000;  // of test.csv

  static void SetUpTestSuite() {
    scratch_ = std::make_unique<ScratchFolder>();
    write_rows("adult.data.gz", 4000, "train.csv");
    write_rows("adult.test.gz", kTestRows, "test.csv");
    trained_ = in_source(train(run(), kSteps));
    ASSERT_EQ(trained_.exit_code, 0) << trained_.err;
    for (int i = 0; i < 2; ++i) {
      ASSERT_EQ(in_source({"export", run(), exports()}).exit_code, 0);
    }
  }
  static void TearDownTestSuite() { scratch_.reset(); }

  /// `strata train` into `run`, from the source folder.
  static std::vector<std::string> train(const std::string& run, int steps,
                                        const std::vector<std::string>& more = {}) {
    return train_command("configs/wide_deep_adult.yaml",
                         {"data.train=" + path("train.csv"), "data.eval=" + test_file(),
                          "checkpoint.path=" + run, "train.max_steps=" + std::to_string(steps)},
                         more);
  }

  static std::string path(const std::string& name) { return scratch_->path(name); }
  static std::string test_file() { return path("test.csv"); }
  static std::string run() { return path("run"); }
  static std::string exports() { return path("exports"); }
  static std::string checkpoint() { return run() + "/" + current(run()); }
  static std::vector<std::string> all() {
    return {run(), checkpoint(), exports(), exports() + "/v000001"};
  }

  /// The folder that CURRENT names.
  static std::string current(const std::string& folder) {
    std::istringstream text(read_text(folder + "/CURRENT"));
    std::string name;
    text >> name;
    return name;
  }
  /// A copy of a folder that may be harmed.
  static std::string copy_of(const std::string& folder, const std::string& name) {
    std::filesystem::copy(folder, path(name), std::filesystem::copy_options::recursive);
    return path(name);
  }

  inline static std::unique_ptr<ScratchFolder> scratch_;
  inline static Outcome trained_;  // of the training

 private:
  static void write_rows(const std::string& shipped, int rows, const std::string& name) {
    const std::string command = "gzip -dc " STRATA_SOURCE_DIR "/datasets/adult/" + shipped +
                                " | head -n " + std::to_string(rows) + " > " + path(name);
    ASSERT_EQ(std::system(command.c_str()), 0);
  }
};

}  // namespace strata::tests
