// strata train: stop, resume, and what it refuses; predict on bad rows.
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string_view>

#include "kernels/gemm.h"
#include "tests/cli/trained.h"
#include "tests/sanitized.h"

namespace strata::tests {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

TEST_F(Trained, ARunIsNotOverwrittenUnasked) {
  const std::string before = read_text(run() + "/CURRENT");
  const Outcome again = in_source(train(run(), 20));
  EXPECT_EQ(again.exit_code, 2);
  EXPECT_THAT(again.err, HasSubstr("--resume auto"));
  EXPECT_EQ(read_text(run() + "/CURRENT"), before);
}

TEST_F(Trained, ResumeRefusesChangedSeedWithoutPermission) {
  const std::string copy = copy_of(run(), "reseeded");
  std::vector<std::string> changed = {"--resume", "auto", "--set", "train.seed=2"};
  const Outcome refused = in_source(train(copy, kSteps + 5, changed));
  EXPECT_EQ(refused.exit_code, 78);
  EXPECT_THAT(refused.err, HasSubstr("train.seed"));
  changed.insert(changed.end(), {"--allow-change", "train.seed"});
  const Outcome resumed = in_source(train(copy, kSteps + 5, changed));
  EXPECT_EQ(resumed.exit_code, 0) << resumed.err;
  EXPECT_EQ(resumed.json()["steps"], kSteps + 5);
}

// F46: the step is finished and saved; the resumed run ends with the same bits as one that was
// never stopped.
TEST_F(Trained, SigtermSavesAndResumeIsSampleExact) {
  const std::string stopped_run = path("stopped");
  const std::vector<std::string> for_ever = {"--set", "train.epochs=1000000"};
  const auto with = [&](std::vector<std::string> more) {
    more.insert(more.end(), for_ever.begin(), for_ever.end());
    return more;
  };
  StrataProcess process(train(stopped_run, 1 << 30, for_ever), STRATA_SOURCE_DIR);
  ASSERT_TRUE(process.wait_for_error("eval at step", 120));
  process.send(SIGTERM);
  const Outcome stopped = process.wait();
  EXPECT_EQ(stopped.exit_code, 75) << stopped.err;
  EXPECT_EQ(stopped.json()["stopped"], true);
  const int end = stopped.json()["steps"].get<int>() + 50;
  const Outcome resumed =
      in_source(train(stopped_run, end, with({"--resume", "auto", "--threads", "1"})));
  ASSERT_EQ(resumed.exit_code, 0) << resumed.err;
  ASSERT_EQ(in_source(train(path("whole"), end, with({"--threads", "2"}))).exit_code, 0);
  const Outcome difference = run_strata({"diff", stopped_run, path("whole")});
  EXPECT_EQ(difference.exit_code, 0) << difference.out;
}

TEST(TrainCommand, TheSecondSignalEndsAtOnce) {
  const ScratchFolder scratch;
  StrataProcess process({"train", "configs/dlrm_criteo_synthetic.yaml", "--set",
                         "checkpoint.path=" + scratch.path("run"), "--set",
                         "data.synthetic.rows=400000", "--set", "train.batch_size=262144"},
                        STRATA_SOURCE_DIR);
  ASSERT_TRUE(process.wait_for_error("run " + scratch.path("run"), 120));
  process.send(SIGTERM);
  ASSERT_TRUE(process.wait_for_error("stopping:", 60));
  process.send(SIGTERM);
  const Outcome outcome = process.wait();
  // 75 when the first signal alone was quick enough.
  EXPECT_TRUE(outcome.exit_code == 143 || outcome.exit_code == 75) << outcome.exit_code;
}

TEST(TrainCommand, MissingDataNamesTheKeyAndTheFile) {
  const Outcome unset = in_source({"train", "configs/dlrm_criteo.yaml"});
  EXPECT_EQ(unset.exit_code, 78);
  EXPECT_THAT(unset.err, HasSubstr("--set data.train=FILE"));
  const ScratchFolder scratch;
  const Outcome absent =
      in_source({"train", "configs/dlrm_criteo.yaml", "--set", "data.train=/nonexistent.tsv",
                 "--set", "checkpoint.path=" + scratch.path("run")});
  EXPECT_EQ(absent.exit_code, 66);
  EXPECT_THAT(absent.err, HasSubstr("/nonexistent.tsv"));
}

TEST(TrainCommand, BadRowsAre65WithFileAndLine) {
  const ScratchFolder scratch;
  scratch.write("bad.tsv", criteo_lines(200, 17));
  const Outcome outcome = in_source({"train", "configs/dlrm_criteo.yaml", "--set",
                                     "data.train=" + scratch.path("bad.tsv"), "--set",
                                     "checkpoint.path=" + scratch.path("run")});
  EXPECT_EQ(outcome.exit_code, 65) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("bad.tsv:17"));
}

TEST(TrainCommand, DataWithoutASampleIs65) {
  const ScratchFolder scratch;
  scratch.write("blank.tsv", "\n\n\n");
  scratch.write("bad.tsv", "x\ny\n");
  for (const std::string name : {"blank.tsv", "bad.tsv"}) {
    const Outcome outcome = in_source(
        {"train", "configs/dlrm_criteo.yaml", "--set", "data.train=" + scratch.path(name), "--set",
         "data.max_bad_ratio=1", "--set", "checkpoint.path=" + scratch.path("run-" + name)});
    EXPECT_EQ(outcome.exit_code, 65) << outcome.err;
    EXPECT_THAT(outcome.err, AllOf(HasSubstr(name), HasSubstr("lines is a sample")));
  }
}

// F40
TEST_F(Trained, DivergenceIs79) {
  const Outcome outcome =
      in_source(train(path("diverged"), kSteps,
                      {"--set", "dense.optimizer={name: sgd, learning_rate: 1000000000}"}));
  EXPECT_EQ(outcome.exit_code, 79) << outcome.err;
}

// F44, F45: before any table is made, and while tables grow.
TEST(TrainCommand, MemoryLimitIs71NamingWhatWouldHelp) {
  const ScratchFolder scratch;
  const auto train = [&](const std::string& limit) {
    return in_source({"train", "configs/dlrm_criteo_synthetic.yaml", "--overwrite", "--set",
                      "memory.limit=" + limit, "--set", "data.synthetic.rows=20000", "--set",
                      "checkpoint.path=" + scratch.path("run")});
  };
  const Outcome never = train("1MiB");
  EXPECT_EQ(never.exit_code, 71) << never.err;
  EXPECT_THAT(never.err, HasSubstr("--set memory.limit=1MiB: error: needs"));
  if (kSanitized) GTEST_SKIP() << "a sanitizer's memory is not that of the tables";
  const Outcome small = train("40MiB");
  EXPECT_EQ(small.exit_code, 71) << small.err;
  EXPECT_THAT(small.err, HasSubstr("memory.limit of 40.0 MiB is too small to begin"));
  EXPECT_THAT(small.err, Not(HasSubstr("step ")));
  const std::string advice = "smallest memory.limit with room for one pass is ";
  ASSERT_THAT(small.err, HasSubstr(advice));
  const std::string rest = small.err.substr(small.err.find(advice) + advice.size());
  const Outcome advised = train(rest.substr(0, rest.find('.')));
  EXPECT_THAT(advised.err, Not(HasSubstr("too small to begin")));
  EXPECT_TRUE(advised.exit_code == 0 || advised.err.find("Largest tables: C") != std::string::npos);
  const Outcome grown = train("70MiB");
  EXPECT_EQ(grown.exit_code, 71) << grown.err;
  EXPECT_THAT(grown.err, HasSubstr("Largest tables: C"));
  EXPECT_THAT(grown.err, HasSubstr("The last good checkpoint is"));
  EXPECT_EQ(run_strata({"verify", scratch.path("run")}).exit_code, 0);
}

TEST(TrainCommand, Bf16ProductsThatTheCpuLacksAre78) {
  if (std::string_view(kernels::gemm_library()) == "plain") GTEST_SKIP() << "no oneDNN";
  const ScratchFolder scratch;
  const std::vector<std::string> train =
      train_command("configs/dlrm_criteo_synthetic.yaml",
                    {"dense.precision=bf16", "data.synthetic.rows=2000",
                     "checkpoint.path=" + scratch.path("run")},
                    {});
  const Outcome outcome = run_strata(train, STRATA_SOURCE_DIR, {"DNNL_MAX_CPU_ISA=AVX2"});
  EXPECT_EQ(outcome.exit_code, 78) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("set dense.precision: fp32"));
}

// F34 to F36 in prediction: line numbers of predictions are those of the rows.
TEST(PredictCommand, BadRowsAreErrorsAndLabelsMayBeAbsent) {
  const ScratchFolder scratch;
  scratch.write("good.tsv", criteo_lines(300));
  const std::string run = scratch.path("run");
  ASSERT_EQ(in_source({"train", "configs/dlrm_criteo.yaml", "--set",
                       "data.train=" + scratch.path("good.tsv"), "--set", "checkpoint.path=" + run})
                .exit_code,
            0);
  std::string unlabelled;
  std::istringstream lines(criteo_lines(5));
  for (std::string line; std::getline(lines, line);) unlabelled += line.substr(2) + "\n";
  scratch.write("unlabelled.tsv", unlabelled);
  const Outcome predicted = run_strata({"predict", run, scratch.path("unlabelled.tsv")});
  EXPECT_EQ(predicted.exit_code, 0) << predicted.err;
  EXPECT_EQ(std::count(predicted.out.begin(), predicted.out.end(), '\n'), 5);
  scratch.write("bad.tsv", criteo_lines(3) + "1\t2\n" + criteo_lines(3));
  const Outcome bad = run_strata(
      {"predict", run, scratch.path("bad.tsv"), "--out", scratch.path("predictions.tsv")});
  EXPECT_EQ(bad.exit_code, 65) << bad.err;
  EXPECT_FALSE(std::filesystem::exists(scratch.path("predictions.tsv")));
}

}  // namespace
}  // namespace strata::tests
