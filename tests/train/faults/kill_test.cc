// The process dies at every durable step of a checkpoint, by SIGKILL; what is left resumes to the
// bits of the run that nothing happened to.
#include <csignal>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "tests/train/faults/small_run.h"

namespace strata::tests {
namespace {

using testing::Contains;
using testing::HasSubstr;

class Kill : public SmallRun {
 protected:
  struct Call {
    int number = 0;
    std::string what;  // the call and the file, numbers left out
  };

  /// The durable calls of `strata train` from a copy of `base` to the last step, in order.
  std::vector<Call> calls_of_a_checkpoint() const {
    copy_run("base", "traced");
    const std::string log = path("calls.txt");
    const Outcome traced = train("traced", kSteps, {"--resume", "auto"},
                                 {"LD_PRELOAD=" STRATA_PRELOAD, "STRATA_TEST_CALL_LOG=" + log});
    EXPECT_EQ(traced.exit_code, 0) << traced.err;
    std::vector<Call> calls;
    std::istringstream lines(read("calls.txt"));
    for (std::string line; std::getline(lines, line);) {
      std::string what = line.substr(line.find(' ') + 1);
      if (const size_t at = what.find(path("traced")); at != std::string::npos) {
        what.erase(at, path("traced").size());
      }
      calls.push_back({std::stoi(line), std::regex_replace(what, std::regex("[0-9]+"), "#")});
    }
    return calls;
  }

  /// Kills a copy of `base` there, resumes it, and compares it with `whole`.
  void kill_and_resume(const Call& call, bool after) const {
    SCOPED_TRACE((after ? "after " : "before ") + call.what);
    copy_run("base", "killed");
    std::vector<std::string> environment = {"LD_PRELOAD=" STRATA_PRELOAD,
                                            "STRATA_TEST_KILL_AT=" + std::to_string(call.number)};
    if (after) environment.push_back("STRATA_TEST_KILL_AFTER=1");
    const Outcome killed = train("killed", kSteps, {"--resume", "auto"}, environment);
    ASSERT_EQ(killed.exit_code, 128 + SIGKILL) << killed.err;
    const Outcome resumed = resume("killed");
    EXPECT_EQ(resumed.json()["steps"], kSteps);
    EXPECT_THAT(resumed.err, HasSubstr("resumed from checkpoint-")) << "it began afresh";
    expect_same("killed", "whole");
    expect_intact("killed");
  }
};

TEST_F(Kill, AtEveryDurableStepTheRunResumesBitForBit) {
  if (kSanitized) GTEST_SKIP() << "a preloaded library does not go with a sanitizer";
  ASSERT_EQ(train("whole", kSteps).exit_code, 0);
  ASSERT_EQ(train("base", kSteps / 2).exit_code, 0);
  const bool every = std::getenv("STRATA_TEST_EVERY_KILL") != nullptr;
  std::set<std::string> kinds;
  int kills = 0;
  for (const Call& call : calls_of_a_checkpoint()) {
    if (!kinds.insert(call.what).second && !every) continue;
    for (const bool after : {false, true}) kill_and_resume(call, after);
    kills += 2;
    if (HasFatalFailure()) return;
  }
  // At least the steps of storage/fail_point.h that a checkpoint and its retention take.
  EXPECT_GE(kills, 2 * 14);
  for (const char* what : {"renameat /CURRENT", "fsync "}) {
    EXPECT_THAT(kinds, Contains(HasSubstr(what)));
  }
  std::printf("killed at %d points\n", kills);
}

TEST_F(Kill, BeforeTheFirstCheckpointTheRunStartsAgain) {
  if (kSanitized) GTEST_SKIP() << "a preloaded library does not go with a sanitizer";
  ASSERT_EQ(train("whole", kSteps).exit_code, 0);
  const Outcome killed =
      train("killed", kSteps, {}, {"LD_PRELOAD=" STRATA_PRELOAD, "STRATA_TEST_KILL_AT=5"});
  ASSERT_EQ(killed.exit_code, 128 + SIGKILL) << killed.err;
  const Outcome resumed = resume("killed");
  EXPECT_THAT(resumed.err, HasSubstr("no checkpoint to resume from"));
  expect_same("killed", "whole");
}

/// A run whose second checkpoint never comes to an end.
class Hanging : public SmallRun {
 protected:
  void SetUp() override {
    if (kSanitized) GTEST_SKIP() << "a preloaded library does not go with a sanitizer";
    ASSERT_EQ(train("whole", kSteps).exit_code, 0);
    ASSERT_EQ(train("run", kSteps / 2).exit_code, 0);
  }

  /// `more`: options. Signals once, then `signals` - 1 times more. A signal that comes before the
  /// first step finds nothing to save, and the run ends at once: then another try is made.
  Outcome stop(int signals, const std::vector<std::string>& more = {}) const {
    constexpr int kTries = 40;
    Outcome outcome = stop_once(signals, more);
    for (int i = 1; i < kTries && outcome.exit_code == 75; ++i) outcome = stop_once(signals, more);
    return outcome;
  }

 private:
  Outcome stop_once(int signals, const std::vector<std::string>& more) const {
    std::vector<std::string> all = {"--resume", "auto"};
    all.insert(all.end(), more.begin(), more.end());
    StrataProcess process(arguments("run", kSteps, all), path(""),
                          {"LD_PRELOAD=" STRATA_PRELOAD, "STRATA_TEST_HANG_AT=checkpoint-000002"});
    EXPECT_TRUE(process.wait_for_error("run run", 120));
    process.send(SIGTERM);
    EXPECT_TRUE(process.wait_for_error("stopping:", 120));
    for (int i = 1; i < signals; ++i) process.send(SIGTERM);
    return process.wait();
  }
};

// F46
TEST_F(Hanging, TheSecondSignalEndsAtOnceAndTheCheckpointBeforeStays) {
  EXPECT_EQ(stop(2).exit_code, 128 + SIGTERM);
  EXPECT_THAT(resume("run").err, HasSubstr("resumed from checkpoint-000001.step-10"));
  expect_same("run", "whole");
}

TEST_F(Hanging, SoDoesTheEndOfGrace) {
  const Outcome outcome = stop(1, {"--set", "checkpoint.grace=1s"});
  EXPECT_EQ(outcome.exit_code, 128 + SIGTERM);
  EXPECT_THAT(outcome.err, HasSubstr("checkpoint.grace is over"));
  expect_intact("run");
}

// F46
class Stop : public SmallRun, public testing::WithParamInterface<int> {};

TEST_P(Stop, ASignalSavesAndTheRestIsTheSame) {
  StrataProcess process(arguments("stopped", 1 << 30,
                                  {"--set", "train.epochs=1000000", "--set", "train.log_every=1"}),
                        path(""));
  ASSERT_TRUE(process.wait_for_error("run stopped", 120));
  process.send(GetParam());
  const Outcome stopped = process.wait();
  EXPECT_EQ(stopped.exit_code, 75) << stopped.err;
  EXPECT_EQ(stopped.json()["stopped"], true);
  const int end = stopped.json()["steps"].get<int>() + 7;
  const std::vector<std::string> epochs = {"--set", "train.epochs=1000000"};
  std::vector<std::string> more = epochs;
  more.insert(more.end(), {"--resume", "auto"});
  ASSERT_EQ(train("stopped", end, more).exit_code, 0);
  ASSERT_EQ(train("whole", end, epochs).exit_code, 0);
  expect_same("stopped", "whole");
}

INSTANTIATE_TEST_SUITE_P(Signals, Stop, testing::Values(SIGTERM, SIGINT, SIGHUP),
                         [](const auto& info) { return std::string(sigabbrev_np(info.param)); });

}  // namespace
}  // namespace strata::tests
