#include "train/run.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/error.h"
#include "base/hash.h"
#include "tests/train/small_model.h"
#include "tests/train/temporary_folder.h"
#include "train/checkpoint.h"
#include "train/model_setup.h"

namespace strata::train {
namespace {

/// Criteo lines whose label depends on the first category.
std::string criteo_lines(int rows) {
  std::string text;
  for (int row = 0; row < rows; ++row) {
    const CounterRng rng{combine64(3, row)};
    const uint64_t a = rng.below(0, 20), b = rng.below(1, 30);
    text += rng.uniform(2) < (a % 2 == 0 ? 0.8f : 0.1f) ? "1" : "0";
    for (int i = 0; i < 13; ++i)
      text += i % 4 == 3 ? "\t" : fmt::format("\t{}", rng.below(10 + i, 50));
    text += fmt::format("\t{:08x}\t{:08x}", a, b);
    for (int i = 2; i < 26; ++i) text += fmt::format("\t{:08x}", rng.below(40 + i, 5));
    text += "\n";
  }
  return text;
}

class RunTest : public testing::Test {
 protected:
  RunTest() { write_file(folder_.path_of("train.txt"), criteo_lines(600)); }

  /// A small DLRM; `more` is YAML of further groups and keys of `train`.
  RunRequest request(const std::string& run, const std::string& train_keys = "",
                     const std::string& groups = "") {
    const std::string yaml = fmt::format(
        "model: {{name: dlrm, bottom: [8, 4], top: [8, 1]}}\n"
        "data: {{train: {0}, eval_fraction: 0.2, block_bytes: 4096, window_blocks: 4}}\n"
        "tables: {{defaults: {{dim: 4, optimizer: {{name: adagrad, learning_rate: 0.1}}}}}}\n"
        "train: {{batch_size: 40, epochs: 4, threads: 1, log_every: 5{1}}}\n"
        "checkpoint: {{path: {2}}}\n{3}",
        folder_.path_of("train.txt"), train_keys, folder_.path_of(run), groups);
    RunRequest request;
    request.config = parse_config(yaml, "test.yaml");
    return request;
  }

  ErrorCode code_of(const RunRequest& request) {
    try {
      run_training(request);
    } catch (const Error& e) {
      message_ = e.what();
      return e.code();
    }
    return ErrorCode{0};
  }

  /// Everything that the current checkpoint of a run holds.
  Snapshot learnt(const RunRequest& request) {
    const auto files =
        storage::open_file_system(request.config.checkpoint.path, storage::IfAbsent::kFail);
    const CheckpointHead head = open_current_checkpoint(*files);
    state_ = head.text.state;
    const auto network =
        make_network(request.config, data::schema_from_json(head.text.schema), ModelUse::kRead);
    load_checkpoint(*files, head.name, network->collection(), network->parameters(), {});
    return take_snapshot(*network);
  }

  TemporaryFolder folder_;
  std::string message_;
  TrainerState state_;
};

TEST_F(RunTest, TrainsFromAFileToACheckpoint) {
  const RunRequest asked = request("run");
  const RunResult result = run_training(asked);
  EXPECT_EQ(result.end, RunEnd::kFinished);
  EXPECT_EQ(result.steps, 48);  // 480 rows, 12 batches, 4 epochs
  EXPECT_EQ(result.samples, 4 * 480);
  EXPECT_EQ(result.evaluation->samples, 120);
  EXPECT_GT(*result.evaluation->auc, 0.6);
  EXPECT_GT(result.samples_per_second, 0);
  EXPECT_EQ(result.exit_code(), 0);
  for (const char* name : {"CURRENT", "config.resolved.yaml", "env.json", "metrics.jsonl",
                           "log.txt", "events.out.tfevents.0000000000.strata"}) {
    EXPECT_TRUE(std::filesystem::is_regular_file(folder_.path_of("run/") + name)) << name;
  }
  const Config resolved =
      parse_config(read_file(folder_.path_of("run/config.resolved.yaml")), "resolved");
  EXPECT_TRUE(changed_keys(asked.config, resolved).empty());
  learnt(asked);
  EXPECT_EQ(state_.step, 48);
}

TEST_F(RunTest, ResumedFromItsFilesItEqualsTheUninterruptedRun) {
  const RunRequest whole = request("whole", ", max_steps: 30");
  run_training(whole);
  for (const int steps : {7, 12, 25}) {
    const std::string run = fmt::format("pieces{}", steps);
    run_training(request(run, fmt::format(", max_steps: {}", steps)));
    RunRequest rest = request(run, ", max_steps: 30");
    rest.start = StartMode::kResume;
    EXPECT_EQ(run_training(rest).steps, 30);
    EXPECT_EQ(learnt(rest), learnt(whole)) << steps;
  }
}

TEST_F(RunTest, AStopRequestLeavesARunThatCanBeResumed) {
  std::stop_source stop;
  stop.request_stop();
  RunRequest asked = request("run");
  asked.stop = stop.get_token();
  const RunResult result = run_training(asked);
  EXPECT_EQ(result.end, RunEnd::kStopped);
  EXPECT_EQ(result.exit_code(), 75);
  asked.stop = {};
  asked.start = StartMode::kResume;
  EXPECT_EQ(run_training(asked).steps, 48);
}

TEST_F(RunTest, ASecondRunInTheSameFolderIsRefused) {
  RunRequest asked = request("run", ", max_steps: 2");
  run_training(asked);
  EXPECT_EQ(code_of(asked), ErrorCode::kUsage);
  EXPECT_NE(message_.find("--overwrite"), std::string::npos) << message_;
  asked.start = StartMode::kOverwrite;
  EXPECT_EQ(run_training(asked).steps, 2);
}

TEST_F(RunTest, OverwriteKeepsTheRunUntilTheNewOneCanStart) {
  const RunRequest first = request("run", ", max_steps: 2");
  run_training(first);
  const std::string log = read_file(folder_.path_of("run/log.txt"));
  RunRequest slip = first;
  slip.start = StartMode::kOverwrite;
  slip.config.data.train = {folder_.path_of("typo.txt")};
  EXPECT_EQ(code_of(slip), ErrorCode::kMissing);
  learnt(first);
  EXPECT_EQ(state_.step, 2);
  EXPECT_EQ(read_file(folder_.path_of("run/log.txt")), log);
}

TEST_F(RunTest, ResumeAutoStartsWhereThereIsNothing) {
  RunRequest asked = request("run", ", max_steps: 2");
  asked.start = StartMode::kResume;
  EXPECT_EQ(run_training(asked).steps, 2);
}

TEST_F(RunTest, ResumeRefusesOtherSeedsAndBatchesAndListsThem) {
  run_training(request("run", ", max_steps: 2"));
  RunRequest other = request("run", ", max_steps: 4, seed: 5, chunks: 4");
  other.start = StartMode::kResume;
  EXPECT_EQ(code_of(other), ErrorCode::kConfig);
  EXPECT_NE(message_.find("train.seed: 1 -> 5"), std::string::npos) << message_;
  EXPECT_NE(message_.find("train.chunks"), std::string::npos) << message_;
  EXPECT_EQ(message_.find("max_steps"), std::string::npos) << message_;
  other.allow_change = {"train.sed"};
  EXPECT_EQ(code_of(other), ErrorCode::kUsage);
  EXPECT_NE(message_.find("train.sed"), std::string::npos) << message_;
  other.allow_change = {"train.seed", "train.chunks"};
  EXPECT_EQ(run_training(other).steps, 4);
}

TEST_F(RunTest, RatesMayChangeAndAreLogged) {
  run_training(request("run", ", max_steps: 2"));
  RunRequest other = request("run", ", max_steps: 4, clip_norm: 1.5");
  other.config.tables.defaults.optimizer = {.algorithm = kernels::Adagrad{.learning_rate = 0.01f}};
  other.start = StartMode::kResume;
  EXPECT_EQ(run_training(other).steps, 4);
  const std::string log = read_file(folder_.path_of("run/log.txt"));
  EXPECT_NE(log.find("learning_rate"), std::string::npos) << log;
  EXPECT_NE(log.find("clip_norm"), std::string::npos) << log;
}

TEST_F(RunTest, OtherDataIsRefusedUnlessAllowed) {
  run_training(request("run", ", max_steps: 2"));
  write_file(folder_.path_of("train.txt"), criteo_lines(700));
  RunRequest other = request("run", ", max_steps: 4");
  other.start = StartMode::kResume;
  EXPECT_EQ(code_of(other), ErrorCode::kConfig);
  other.allow_change = {"data"};
  EXPECT_EQ(run_training(other).steps, 4);
}

TEST_F(RunTest, TablesBeyondTheLimitEndTheRunBeforeTheKernelDoes) {
  RunRequest asked = request("run");
  asked.config.memory.limit = "1MiB";
  EXPECT_EQ(code_of(asked), ErrorCode::kResource);
  EXPECT_NE(message_.find("memory.limit"), std::string::npos) << message_;
}

TEST_F(RunTest, TheBestEvaluationIsKept) {
  const RunRequest asked =
      request("run", ", eval_every: 4, early_stopping: {metric: logloss, patience: 1000}");
  const RunResult result = run_training(asked);
  learnt(asked);
  double best = 1e9;
  for (const std::string& line : lines_of(read_file(folder_.path_of("run/metrics.jsonl")))) {
    const auto object = nlohmann::json::parse(line);
    if (object.at("event") == "eval") best = std::min(best, object.at("logloss").get<double>());
  }
  EXPECT_EQ(result.evaluation->logloss, best);
  EXPECT_EQ(state_.last_evaluation->logloss, best) << "CURRENT is the best checkpoint";
}

TEST_F(RunTest, BadRowsAreToldWithFileAndLine) {
  write_file(folder_.path_of("train.txt"), criteo_lines(300) + "1\t2\t3\n" + criteo_lines(300));
  RunRequest asked = request("run", ", max_steps: 13");
  asked.config.data.max_bad_ratio = 0.1;
  EXPECT_EQ(run_training(asked).bad_rows, 1);
  EXPECT_NE(read_file(folder_.path_of("run/log.txt")).find("train.txt:301: warning"),
            std::string::npos);
}

TEST_F(RunTest, AMissingFileIsNamed) {
  std::filesystem::remove(folder_.path_of("train.txt"));
  EXPECT_EQ(code_of(request("run")), ErrorCode::kMissing);
  EXPECT_NE(message_.find("train.txt"), std::string::npos) << message_;
}

TEST_F(RunTest, ColumnsWithoutALabelAreAConfigError) {
  write_file(folder_.path_of("train.txt"), "age,city\n1,a\n2,b\n");
  RunRequest asked = request("run");
  asked.config.model = models::LogisticRegression{};
  asked.config.data.format = data::Format::kCsv;
  data::ColumnConfig city;
  city.name = "city";
  asked.config.data.columns = {city};
  EXPECT_EQ(code_of(asked), ErrorCode::kConfig);
  EXPECT_NE(message_.find("label"), std::string::npos) << message_;
}

TEST_F(RunTest, AGroupForATableThatNobodyUsesIsRefused) {
  RunRequest asked = request("run");
  asked.config.tables.by_name["C99"] = asked.config.tables.defaults;
  EXPECT_EQ(code_of(asked), ErrorCode::kConfig);
  EXPECT_NE(message_.find("C99"), std::string::npos) << message_;
}

TEST_F(RunTest, WatchedMetricsNeedEvaluations) {
  RunRequest asked = request("run");
  asked.config.train.early_stopping.emplace().metric = EvalMetric::kGauc;
  EXPECT_EQ(code_of(asked), ErrorCode::kConfig);
  EXPECT_NE(message_.find("group"), std::string::npos) << message_;
  asked = request("run");
  asked.config.train.schedules.wide.emplace().decay = PlateauDecay{};
  asked.config.data.eval_fraction = 0;
  asked.start = StartMode::kOverwrite;
  EXPECT_EQ(code_of(asked), ErrorCode::kConfig);
  EXPECT_NE(message_.find("plateau"), std::string::npos) << message_;
}

TEST_F(RunTest, OneClassHasNoAucAndTheRunGoesOn) {
  std::string text;
  for (std::string& line : lines_of(criteo_lines(600))) text += "0" + line.substr(1) + "\n";
  write_file(folder_.path_of("train.txt"), text);
  const RunResult result = run_training(request("run"));
  EXPECT_EQ(result.steps, 48);
  EXPECT_FALSE(result.evaluation->auc);
  EXPECT_TRUE(to_json(result).at("auc").is_null());
  EXPECT_NE(read_file(folder_.path_of("run/log.txt")).find("auc undefined (only one class)"),
            std::string::npos);
}

TEST(RunResult, JsonHasWhatScriptsRead) {
  RunResult result;
  result.evaluation.emplace().auc = 0.75;
  result.steps = 12;
  result.samples = 1'200;
  const auto object = to_json(result);
  EXPECT_EQ(object.at("auc"), 0.75);
  EXPECT_TRUE(object.at("logloss").is_null());
  EXPECT_EQ(object.at("samples"), 1'200);
  for (const char* key : {"ne", "calibration", "samples_per_second", "steps", "checkpoint"}) {
    EXPECT_TRUE(object.contains(key)) << key;
  }
}

TEST(RunResult, TheTableEndsWithTheNextCommands) {
  RunResult result;
  result.run = "runs/x";
  const std::string text = format_result(result);
  for (const char* command :
       {"strata eval runs/x", "strata predict runs/x", "strata export runs/x"}) {
    EXPECT_NE(text.find(command), std::string::npos) << text;
  }
}

}  // namespace
}  // namespace strata::train
