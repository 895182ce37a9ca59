#pragma once
// A run of the real `strata` on a few hundred lines, in a folder of its own: what the fault tests
// break and look at.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/cli/strata_process.h"
#include "tests/sanitized.h"

namespace strata::tests {

class SmallRun : public testing::Test {
 protected:
  static constexpr int kSteps = 20;  // of a whole epoch; every tenth is saved

  SmallRun();

  /// `strata train` in the scratch folder, with `run` below it.
  std::vector<std::string> arguments(const std::string& run, int steps,
                                     const std::vector<std::string>& more = {}) const;
  Outcome train(const std::string& run, int steps, const std::vector<std::string>& more = {},
                const std::vector<std::string>& environment = {}) const;
  /// Goes on to kSteps, which must succeed.
  Outcome resume(const std::string& run) const;
  Outcome strata(const std::vector<std::string>& command) const;
  /// Runs a shell script in the scratch folder; $STRATA is the program.
  Outcome shell(const std::string& script) const;

  std::string path(const std::string& name) const { return scratch_.path(name); }
  void copy_run(const std::string& from, const std::string& to) const;
  std::string read(const std::string& name) const;
  /// Whether two runs have learnt the same, bit for bit.
  void expect_same(const std::string& a, const std::string& b) const;
  void expect_intact(const std::string& run) const;
  /// The folder of the current checkpoint, relative to the run.
  std::string current(const std::string& run) const;

  ScratchFolder scratch_;
};

}  // namespace strata::tests
