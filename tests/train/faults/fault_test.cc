// Disks, files, memory, clocks and rates that go wrong under a real `strata train`: the documented
// exit code, a message that names the cause, and nothing lost.
#include <sys/resource.h>
#include <unistd.h>

#include <fstream>
#include <functional>
#include <sstream>

#include "tests/train/faults/small_run.h"

namespace strata::tests {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

class Faults : public SmallRun {
 protected:
  /// Runs a script where `mount` may be used without anyone else seeing it; its output is one
  /// "name code" a line. Nothing when this machine does not allow it.
  std::optional<Outcome> in_own_mounts(const std::string& script) const {
    if (geteuid() != 0 || std::system("unshare -m true 2> /dev/null") != 0) return std::nullopt;
    scratch_.write("mounts.sh", script);
    return shell("export STRATA\nexec unshare -m sh " + path("mounts.sh"));
  }

  static constexpr const char* kNoMounts = "needs root and mount namespaces (unshare -m)";

  /// "train config.yaml --set checkpoint.path=RUN …" for scripts.
  static std::string train_line(const std::string& run, int steps, const std::string& more = "") {
    return "$STRATA train config.yaml --set checkpoint.path=" + run +
           " --set train.max_steps=" + std::to_string(steps) + " " + more + " > /dev/null";
  }
};

// F18: two failed checkpoints are told and training goes on, the third ends it; the one before
// stays, and once there is room the run goes on to the bits it would have had.
TEST_F(Faults, F18AFullDiskLosesNoCheckpoint) {
  const auto outcome = in_own_mounts(
      "mkdir disk && mount -t tmpfs -o size=3m tmpfs disk\n" + train_line("disk", 10) +
      "; echo first $?\n"
      "dd if=/dev/zero of=disk/filler bs=4k 2> /dev/null; truncate -s -32k disk/filler\n" +
      train_line("disk", 20, "--resume auto --set checkpoint.every_steps=1") +
      "; echo full $?\n"
      "ls disk | grep -c '^checkpoint-'; ls -a disk | grep -c tmp\n"
      "rm disk/filler; $STRATA verify disk > /dev/null; echo verify $?\n" +
      train_line("disk", 20, "--resume auto") + "; echo resumed $?\n" + train_line("whole", 20) +
      "; $STRATA diff disk whole; echo diff $?\n");
  if (!outcome) GTEST_SKIP() << kNoMounts;
  EXPECT_THAT(outcome->out, HasSubstr("first 0\nfull 74\n1\n0\nverify 0\nresumed 0\n"))
      << outcome->err;
  EXPECT_THAT(outcome->out, HasSubstr("diff 0\n"));
  EXPECT_THAT(outcome->err, AllOf(HasSubstr("checkpoint failed (1 in a row)"),
                                  HasSubstr("checkpoint failed (2 in a row)"), HasSubstr("bytes"),
                                  HasSubstr("available")));
  EXPECT_THAT(outcome->err, HasSubstr("The last good checkpoint is checkpoint-000001.step-10"));
}

TEST_F(Faults, F18AnExportThatDoesNotFitIs74AndLeavesNothing) {
  const auto outcome = in_own_mounts("mkdir disk && mount -t tmpfs -o size=16k tmpfs disk\n" +
                                     train_line("run", 10) +
                                     "; $STRATA export run disk; echo export $?\n"
                                     "ls disk | wc -l; $STRATA verify run; echo verify $?\n");
  if (!outcome) GTEST_SKIP() << kNoMounts;
  EXPECT_THAT(outcome->out, AllOf(HasSubstr("export 74\n0\n"), HasSubstr("verify 0\n")))
      << outcome->err;
  EXPECT_THAT(outcome->err, AllOf(HasSubstr("bytes"), HasSubstr("available"), HasSubstr("disk")));
}

// F19
TEST_F(Faults, F19AReadOnlyFileSystemIs74AtTheStart) {
  const auto outcome = in_own_mounts(
      "mkdir disk && mount -t tmpfs -o size=3m tmpfs disk\n" + train_line("disk", 10) +
      "; echo first $?\nmount -o remount,ro disk\n" + train_line("disk", 20, "--resume auto") +
      "; echo resumed $?\n" + train_line("disk/another", 20) +
      "; echo another $?\n$STRATA verify disk > /dev/null; echo verify $?\n"
      "$STRATA eval disk > /dev/null; echo eval $?\n");
  if (!outcome) GTEST_SKIP() << kNoMounts;
  EXPECT_EQ(outcome->out, "first 0\nresumed 74\nanother 74\nverify 0\neval 0\n") << outcome->err;
  EXPECT_THAT(outcome->err, AllOf(HasSubstr("disk"), HasSubstr("Read-only file system")));
}

TEST_F(Faults, F19AForbiddenFolderIs74AtTheStart) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root, to become somebody who may not write";
  const Outcome outcome = shell(
      "chmod 755 .; mkdir run; chmod 555 run\n"
      "BECOME='setpriv --reuid=65534 --regid=65534 --clear-groups'\n"
      "$BECOME $STRATA --version > /dev/null 2>&1 || { echo unreachable; exit; }\n"
      "$BECOME " +
      train_line("run", 10) + "; echo train $?\n");
  if (outcome.out == "unreachable\n") GTEST_SKIP() << "the program is not readable by others";
  EXPECT_EQ(outcome.out, "train 74\n") << outcome.err;
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("run"), HasSubstr("Permission denied")));
}

/// What can happen to one file of a checkpoint.
struct Damage {
  const char* name;
  std::function<void(const std::filesystem::path&)> harm;
};

void flip_a_bit(const std::filesystem::path& file) {
  std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
  const auto middle = static_cast<std::streamoff>(std::filesystem::file_size(file) / 2);
  stream.seekg(middle);
  const char byte = static_cast<char>(stream.get() ^ 4);
  stream.seekp(middle);
  stream.put(byte);
}

// Under a sanitizer each file is damaged in one of the ways.
TEST_F(Faults, DamageToAnyFileIs76NamedAndTheCheckpointBeforeGoesOn) {
  const std::vector<Damage> damages = {
      {"cut", [](const auto& f) { resize_file(f, file_size(f) / 2); }},
      {"emptied", [](const auto& f) { std::filesystem::resize_file(f, 0); }},
      {"flipped", flip_a_bit},
      {"removed", [](const auto& f) { std::filesystem::remove(f); }}};
  const std::vector<std::string> two = {"--set", "checkpoint.keep=2"};
  ASSERT_EQ(train("whole", kSteps, two).exit_code, 0);
  std::vector<std::string> files;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(path("whole/" + current("whole")))) {
    if (entry.is_regular_file()) {
      files.push_back(std::filesystem::relative(entry.path(), path("whole")));
    }
  }
  EXPECT_GE(files.size(), 10u);
  for (size_t i = 0; i < files.size(); ++i) {
    for (size_t way = 0; way < damages.size(); ++way) {
      if (kSanitized && way != i % damages.size()) continue;
      const std::string& file = files[i];
      const Damage& damage = damages[way];
      SCOPED_TRACE(std::string(damage.name) + " " + file);
      copy_run("whole", "damaged");
      damage.harm(path("damaged/" + file));
      const Outcome verified = strata({"verify", "damaged"});
      EXPECT_EQ(verified.exit_code, 76);
      EXPECT_THAT(verified.out + verified.err,
                  HasSubstr(std::filesystem::path(file).filename().string()));
      EXPECT_EQ(strata({"eval", "damaged"}).exit_code, 76);
      const Outcome resumed = resume("damaged");
      EXPECT_THAT(resumed.err, HasSubstr("resumed from checkpoint-000001.step-10"));
      EXPECT_THAT(resumed.err, HasSubstr("checkpoint-000002.step-20"));
      expect_same("damaged", "whole");
    }
  }
}

/// Rows of 3 KiB that never come twice, so that tables grow with every step.
class Growth : public SmallRun {
 protected:
  Growth() {
    std::string text = "click,age,site,ad\n";
    for (int i = 0; i < 96'000; ++i) {
      const std::string id = std::to_string(i);
      text += (i % 3 == 0 ? "1," : "0,") + std::to_string(i % 70) + ",s" + id + ",a" + id + "\n";
    }
    scratch_.write("data.csv", text);
  }

  std::vector<std::string> wide(const std::vector<std::string>& more = {}) const {
    std::vector<std::string> all = {
        "--set", "tables.defaults.dim=256", "--set", "tables.defaults.dtype=fp32",
        "--set", "data.block_bytes=64KiB",  "--set", "data.window_blocks=4"};
    all.insert(all.end(), more.begin(), more.end());
    return all;
  }

  /// The run that ended early goes on, and ends as one that had room from the start.
  void expect_goes_on(const std::string& run, int saved_step) const {
    expect_intact(run);
    const int end = saved_step + 5;
    const Outcome resumed = train(run, end, wide({"--resume", "auto"}));
    EXPECT_EQ(resumed.exit_code, 0) << resumed.err;
    ASSERT_EQ(train("whole", end, wide()).exit_code, 0);
    expect_same(run, "whole");
  }

  int saved_step(const std::string& run) const {
    const std::string name = current(run);
    return std::stoi(name.substr(name.rfind('-') + 1));
  }
};

// F45: memory.limit
TEST_F(Growth, F45TablesBeyondTheLimitAreSavedAndNamed) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer's memory is not that of the tables";
  const Outcome small = train("small", 5, wide());
  ASSERT_EQ(small.exit_code, 0) << small.err;
  const int64_t limit = small.json()["memory_bytes"].get<int64_t>() + (24 << 20);
  const std::string set = "memory.limit=" + std::to_string(limit);
  const Outcome outcome = train("run", 1'000, wide({"--set", set}));
  EXPECT_EQ(outcome.exit_code, 71) << outcome.err;
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("memory.limit"), HasSubstr("site"), HasSubstr("ad"),
                                 HasSubstr("dtype"), HasSubstr("The last good checkpoint is ")));
  const int step = saved_step("run");
  EXPECT_GT(step, 10);
  EXPECT_NE(step % 10, 0) << "saved where it ended, not where it was due";
  expect_goes_on("run", step);
}

// F45: ulimit -v, imposed in the middle of the run and then from its start
TEST_F(Growth, F45AnAddressSpaceThatEndsIs71AndTheCheckpointStays) {
  if (kSanitized) GTEST_SKIP() << "a sanitizer reserves the address space";
  StrataProcess process(arguments("run", 1'000'000, wide()), path(""));
  while (!std::filesystem::exists(path("run/CURRENT"))) {
    ASSERT_FALSE(process.wait_for_error("strata: error", 0.02));
  }
  std::ifstream statm("/proc/" + std::to_string(process.pid()) + "/statm");
  rlim_t pages = 0;
  statm >> pages;
  const rlim_t bytes = pages * static_cast<rlim_t>(sysconf(_SC_PAGESIZE)) + (96 << 20);
  const rlimit limit{.rlim_cur = bytes, .rlim_max = bytes};
  ASSERT_EQ(prlimit(process.pid(), RLIMIT_AS, &limit, nullptr), 0);
  const Outcome outcome = process.wait();
  EXPECT_EQ(outcome.exit_code, 71) << outcome.err;
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("memory"), HasSubstr("The last good checkpoint is ")));
  expect_goes_on("run", saved_step("run"));

  const Outcome limited = shell("ulimit -v " + std::to_string(bytes / 1024) +
                                "\n$STRATA train config.yaml --set checkpoint.path=limited" +
                                " --set tables.defaults.dim=256 --set tables.defaults.dtype=fp32" +
                                " --set data.block_bytes=64KiB --set data.window_blocks=4\n");
  EXPECT_EQ(limited.exit_code, 71) << limited.err;
  EXPECT_THAT(limited.err,
              AllOf(HasSubstr("ulimit -v"), HasSubstr("The last good checkpoint is ")));
  expect_intact("limited");
}

// F40
TEST_F(Faults, F40ALossThatIsNotFiniteNamesItselfAndKeepsTheCheckpoint) {
  ASSERT_EQ(train("run", 10).exit_code, 0);
  const Outcome outcome =
      train("run", kSteps, {"--resume", "auto", "--set", "dense.optimizer.learning_rate=1e37"});
  EXPECT_EQ(outcome.exit_code, 79) << outcome.err;
  EXPECT_THAT(outcome.err,
              AllOf(HasSubstr("epoch 0, batch 1"), HasSubstr("not finite"),
                    HasSubstr("The last good checkpoint is checkpoint-000001.step-10")));
  expect_intact("run");
  resume("run");
  ASSERT_EQ(train("whole", kSteps).exit_code, 0);
  expect_same("run", "whole");
}

// F38: the file changes or goes away under a run.
TEST_F(Faults, F38AFileThatShrinksOrGoesAwayIsNamedAndTheRunIsSaved) {
  struct Case {
    const char* run;
    std::function<void(const std::string&)> harm;
    int code;
  };
  const std::vector<Case> cases = {
      {"shrunk", [](const std::string& f) { std::filesystem::resize_file(f, 5'000); }, 65},
      {"gone", [](const std::string& f) { std::filesystem::remove(f); }, 66}};
  const std::string data = read("data.csv");
  for (const Case& c : cases) {
    scratch_.write("data.csv", data);
    StrataProcess process(arguments(c.run, 1 << 30, {"--set", "train.epochs=1000000"}), path(""));
    ASSERT_TRUE(process.wait_for_error("eval at step", 120));
    c.harm(path("data.csv"));
    const Outcome outcome = process.wait();
    EXPECT_EQ(outcome.exit_code, c.code) << outcome.err;
    EXPECT_THAT(outcome.err, AllOf(HasSubstr("data.csv"), HasSubstr("The last good checkpoint")));
    expect_intact(c.run);
  }
}

TEST_F(Faults, ARunFolderThatGoesAwayIsAFailedWrite) {
  StrataProcess process(arguments("run", 1 << 30, {"--set", "train.epochs=1000000"}), path(""));
  ASSERT_TRUE(process.wait_for_error("eval at step", 120));
  std::filesystem::rename(path("run"), path("gone"));
  std::error_code a_file_went_while_listed;
  while (std::filesystem::exists(path("gone"))) {
    std::filesystem::remove_all(path("gone"), a_file_went_while_listed);
  }
  const Outcome outcome = process.wait();
  EXPECT_EQ(outcome.exit_code, 74) << outcome.err;
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("checkpoint failed (2 in a row)"), HasSubstr(" run/"),
                                 HasSubstr("removed")));
}

// F47: only monotonic time decides anything.
TEST_F(Faults, F47ClocksThatJumpOrStopChangeNothing) {
  if (kSanitized) GTEST_SKIP() << "a preloaded library does not go with a sanitizer";
  ASSERT_EQ(train("whole", kSteps, {"--set", "train.log_every=1"}).exit_code, 0);
  for (const std::string mode : {"jump", "stop"}) {
    const std::vector<std::string> environment = {
        "LD_PRELOAD=" STRATA_PRELOAD, "STRATA_TEST_CLOCK=" + mode, "TZ=Pacific/Kiritimati"};
    const Outcome outcome = train(mode, kSteps, {"--set", "train.log_every=1"}, environment);
    ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
    expect_same(mode, "whole");
    EXPECT_EQ(current(mode), current("whole"));
    EXPECT_GT(outcome.json()["samples_per_second"], 0);
    std::istringstream lines(read(mode + "/metrics.jsonl"));
    double last = 0;
    for (std::string line; std::getline(lines, line);) {
      const auto event = nlohmann::json::parse(line);
      const double seconds = event.value("seconds", last);
      EXPECT_GE(seconds, last) << line;
      EXPECT_GE(event.value("samples_per_second", 0.0), 0) << line;
      last = seconds;
    }
    EXPECT_LT(last, 600);
    if (mode == "jump") continue;
    const double stopped = 1e9;  // what the library says; TensorBoard's events are dated so
    EXPECT_THAT(read(mode + "/events.out.tfevents.0000000000.strata"),
                HasSubstr(std::string(reinterpret_cast<const char*>(&stopped), sizeof stopped)));
  }
}

}  // namespace
}  // namespace strata::tests
