// Whole paths as a user walks them: train, stop, resume, evaluate, predict, export, verify, diff.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <string_view>

#include "kernels/gemm.h"
#include "tests/cli/strata_process.h"
#include "tests/sanitized.h"

namespace strata::tests {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr const char* kAdult = "configs/wide_deep_adult.yaml";

/// `strata train` on shipped Adult into `run`, from the source folder.
std::vector<std::string> train_adult(const std::string& run, int epochs,
                                     const std::vector<std::string>& more = {}) {
  return train_command(kAdult, {"checkpoint.path=" + run, "train.epochs=" + std::to_string(epochs)},
                       more);
}

Outcome run_in_source(const std::vector<std::string>& arguments) {
  return run_strata(arguments, STRATA_SOURCE_DIR);
}

TEST(TrainCommand, AdultTrainsEvaluatesPredictsExportsAndVerifies) {
  const ScratchFolder scratch;
  const std::string run = scratch.path("run");
  const Outcome trained = run_in_source(train_adult(run, 1));
  ASSERT_EQ(trained.exit_code, 0) << trained.err;
  const nlohmann::json result = trained.json();
  for (const char* key : {"auc", "logloss", "ne", "calibration", "samples", "samples_per_second",
                          "steps", "checkpoint"}) {
    EXPECT_TRUE(result.contains(key)) << key;
  }
  EXPECT_GT(result["auc"], 0.9);
  EXPECT_THAT(trained.err, StartsWith("cpu, ")) << "the first line names the device";
  EXPECT_THAT(trained.err, HasSubstr("eval at step"));

  const Outcome evaluated = run_in_source({"eval", run, "--json"});
  ASSERT_EQ(evaluated.exit_code, 0) << evaluated.err;
  EXPECT_EQ(evaluated.json()["auc"], result["auc"]);
  EXPECT_EQ(evaluated.json()["logloss"], result["logloss"]);

  const std::string exports = scratch.path("exports");
  const Outcome exported = run_in_source({"export", run, exports, "--json"});
  ASSERT_EQ(exported.exit_code, 0) << exported.err;
  EXPECT_EQ(exported.json()["version"], "v000001");
  const std::string test_file = "datasets/adult/adult.test.gz";
  const Outcome scored = run_in_source({"eval", exports, "--data", test_file, "--json"});
  ASSERT_EQ(scored.exit_code, 0) << scored.err;
  EXPECT_NEAR(scored.json()["auc"].get<double>(), result["auc"].get<double>(), 1e-6);

  for (const std::string& folder : {run, exports}) {
    EXPECT_EQ(run_strata({"verify", folder, "--json"}).json()["intact"], true);
    EXPECT_EQ(run_strata({"inspect", folder}).exit_code, 0);
  }
  EXPECT_EQ(run_strata({"diff", run, run}).exit_code, 0);
  EXPECT_EQ(run_strata({"diff", run, exports}).exit_code, 2);

  const std::string out = scratch.path("predictions.tsv");
  const Outcome predicted = run_in_source({"predict", run, test_file, "--out", out, "--json"});
  ASSERT_EQ(predicted.exit_code, 0) << predicted.err;
  EXPECT_EQ(predicted.json()["rows"], 16281);
  EXPECT_EQ(run_in_source({"predict", run, test_file, "--json"}).exit_code, 2);
}

TEST(TrainCommand, ARunIsNotOverwrittenUnasked) {
  const ScratchFolder scratch;
  const std::string run = scratch.path("run");
  const std::vector<std::string> few = {"--set", "train.max_steps=20"};
  ASSERT_EQ(run_in_source(train_adult(run, 1, few)).exit_code, 0);
  const Outcome again = run_in_source(train_adult(run, 1, few));
  EXPECT_EQ(again.exit_code, 2);
  EXPECT_THAT(again.err, HasSubstr("--resume auto"));
  EXPECT_EQ(
      run_in_source(train_adult(run, 1, {"--set", "train.max_steps=20", "--overwrite"})).exit_code,
      0);
}

TEST(TrainCommand, ResumeRefusesChangedSeedWithoutPermission) {
  const ScratchFolder scratch;
  const std::string run = scratch.path("run");
  ASSERT_EQ(run_in_source(train_adult(run, 1, {"--set", "train.max_steps=20"})).exit_code, 0);
  const std::vector<std::string> changed = {"--resume",           "auto",  "--set",
                                            "train.max_steps=30", "--set", "train.seed=2"};
  const Outcome refused = run_in_source(train_adult(run, 1, changed));
  EXPECT_EQ(refused.exit_code, 78);
  EXPECT_THAT(refused.err, HasSubstr("train.seed"));
  std::vector<std::string> allowed = changed;
  allowed.insert(allowed.end(), {"--allow-change", "train.seed"});
  const Outcome resumed = run_in_source(train_adult(run, 1, allowed));
  EXPECT_EQ(resumed.exit_code, 0) << resumed.err;
  EXPECT_EQ(resumed.json()["steps"], 30);
}

// F46: the step is finished and saved; the resumed run ends with the same bits as one that was
// never stopped.
TEST(TrainCommand, SigtermSavesAndResumeIsSampleExact) {
  const ScratchFolder scratch;
  const std::string run = scratch.path("stopped");
  constexpr int kEpochs = 1'000'000;  // however late the signal comes, the run has not ended
  StrataProcess process(train_adult(run, kEpochs), STRATA_SOURCE_DIR);
  ASSERT_TRUE(process.wait_for_error("eval at step", 120));
  process.send(SIGTERM);
  const Outcome stopped = process.wait();
  EXPECT_EQ(stopped.exit_code, 75) << stopped.err;
  EXPECT_EQ(stopped.json()["stopped"], true);
  const int end = stopped.json()["steps"].get<int>() + 100;
  const std::string steps = "train.max_steps=" + std::to_string(end);
  const Outcome resumed = run_in_source(
      train_adult(run, kEpochs, {"--resume", "auto", "--threads", "1", "--set", steps}));
  ASSERT_EQ(resumed.exit_code, 0) << resumed.err;

  const std::string whole = scratch.path("whole");
  ASSERT_EQ(
      run_in_source(train_adult(whole, kEpochs, {"--threads", "2", "--set", steps})).exit_code, 0);
  const Outcome difference = run_strata({"diff", run, whole});
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
  const Outcome unset = run_in_source({"train", "configs/dlrm_criteo.yaml"});
  EXPECT_EQ(unset.exit_code, 78);
  EXPECT_THAT(unset.err, HasSubstr("--set data.train=FILE"));
  const ScratchFolder scratch;
  const Outcome absent =
      run_in_source({"train", "configs/dlrm_criteo.yaml", "--set", "data.train=/nonexistent.tsv",
                     "--set", "checkpoint.path=" + scratch.path("run")});
  EXPECT_EQ(absent.exit_code, 66);
  EXPECT_THAT(absent.err, HasSubstr("/nonexistent.tsv"));
}

TEST(TrainCommand, BadRowsAre65WithFileAndLine) {
  const ScratchFolder scratch;
  scratch.write("bad.tsv", criteo_lines(200, 17));
  const Outcome outcome = run_in_source({"train", "configs/dlrm_criteo.yaml", "--set",
                                         "data.train=" + scratch.path("bad.tsv"), "--set",
                                         "checkpoint.path=" + scratch.path("run")});
  EXPECT_EQ(outcome.exit_code, 65) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("bad.tsv:17"));
}

// F40
TEST(TrainCommand, DataWithoutASampleIs65) {
  const ScratchFolder scratch;
  scratch.write("blank.tsv", "\n\n\n");
  scratch.write("bad.tsv", "x\ny\n");
  for (const std::string name : {"blank.tsv", "bad.tsv"}) {
    const Outcome outcome = run_in_source(
        {"train", "configs/dlrm_criteo.yaml", "--set", "data.train=" + scratch.path(name), "--set",
         "data.max_bad_ratio=1", "--set", "checkpoint.path=" + scratch.path("run-" + name)});
    EXPECT_EQ(outcome.exit_code, 65) << outcome.err;
    EXPECT_THAT(outcome.err, AllOf(HasSubstr(name), HasSubstr("lines is a sample")));
  }
}

TEST(TrainCommand, DivergenceIs79) {
  const ScratchFolder scratch;
  const Outcome outcome = run_in_source(train_adult(
      scratch.path("run"), 1, {"--set", "dense.optimizer={name: sgd, learning_rate: 1000000000}"}));
  EXPECT_EQ(outcome.exit_code, 79) << outcome.err;
}

// F44, F45: before any table is made, and while tables grow.
TEST(TrainCommand, MemoryLimitIs71NamingWhatWouldHelp) {
  const ScratchFolder scratch;
  const auto train = [&](const std::string& limit) {
    return run_in_source({"train", "configs/dlrm_criteo_synthetic.yaml", "--overwrite", "--set",
                          "memory.limit=" + limit, "--set", "data.synthetic.rows=20000", "--set",
                          "checkpoint.path=" + scratch.path("run")});
  };
  const Outcome never = train("1MiB");
  EXPECT_EQ(never.exit_code, 71) << never.err;
  EXPECT_THAT(never.err, HasSubstr("--set memory.limit=1MiB: error: needs"));
  if (kSanitized) GTEST_SKIP() << "a sanitizer's memory is not that of the tables";
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
  ASSERT_EQ(
      run_in_source({"train", "configs/dlrm_criteo.yaml", "--set",
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

TEST(VerifyCommand, DamageIs76NamingTheFile) {
  const ScratchFolder scratch;
  const std::string run = scratch.path("run");
  ASSERT_EQ(run_in_source(train_adult(run, 1, {"--set", "train.max_steps=20"})).exit_code, 0);
  std::filesystem::path victim;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(run)) {
    if (entry.path().extension() == ".safetensors") victim = entry.path();
  }
  ASSERT_FALSE(victim.empty());
  std::fstream file(victim, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(static_cast<std::streamoff>(std::filesystem::file_size(victim) - 3));
  file.put('\x5a');
  file.close();
  const Outcome outcome = run_strata({"verify", run, "--json"});
  EXPECT_EQ(outcome.exit_code, 76);
  EXPECT_EQ(outcome.json()["intact"], false);
  EXPECT_THAT(outcome.out, HasSubstr(victim.filename().string()));
  EXPECT_EQ(run_strata({"verify", scratch.path("nothing")}).exit_code, 66);
}

}  // namespace
}  // namespace strata::tests
