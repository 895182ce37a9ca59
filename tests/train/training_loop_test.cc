#include "train/training_loop.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "tests/train/small_model.h"
#include "tests/train/temporary_folder.h"
#include "train/memory_limit.h"

namespace strata::train {
namespace {

/// A loop over a small model; evaluations and checkpoints are recorded, not done.
class TrainingLoopTest : public testing::Test {
 protected:
  struct Saved {
    int64_t step;
    SaveReason reason;
    bool operator==(const Saved&) const = default;
  };

  TrainingLoopTest()
      : log_({.path = folder_.path_of("log.txt"), .out = nullptr, .terminal = false, .start = {}}),
        metrics_({.jsonl_path = folder_.path_of("metrics.jsonl"),
                  .events_path = folder_.path_of("events"),
                  .wall_seconds = 0,
                  .warn = nullptr}) {
    train_.batch_size = 100;  // ten updates an epoch
    checkpoint_.every.reset();
  }

  Trainer& trainer() {
    if (!trainer_) {
      reader_.emplace(small_.task, data::ReadPlan{.batch_size = train_.batch_size,
                                                  .chunks = 2,
                                                  .seed = train_.seed,
                                                  .epochs = train_.epochs,
                                                  .start = {}});
      network_ = make_small_network(small_);
      trainer_.emplace(train_, TrainerParts{*network_, *reader_, pool_},
                       state_.value_or(first_state(train_, *reader_)));
    }
    return *trainer_;
  }

  RunEnd run() {
    LoopParts parts{.trainer = trainer(),
                    .log = log_,
                    .metrics = metrics_,
                    .evaluate = nullptr,
                    .begin_save = nullptr,
                    .saved = nullptr,
                    .give_up_save = [this] { given_up_ = pending_.has_value(); },
                    .select = nullptr};
    if (evaluates_) parts.evaluate = [this](uint32_t, const std::stop_token&) { return next(); };
    parts.begin_save = [this](const TrainerState& state, SaveReason reason) {
      EXPECT_FALSE(pending_) << "one checkpoint at a time";
      pending_ = {state.step, reason};
      pending_state_ = state;
    };
    parts.saved = [this](bool wait) { return saved(wait); };
    parts.select = [this](int64_t step) {
      selected_ = step;
      if (!finds_best_) return std::string();
      return "checkpoint-" + std::to_string(step);
    };
    TrainingLoop loop(train_, checkpoint_, std::move(parts));
    return loop.run(stop_.get_token());
  }

  /// A checkpoint that is begun is on the disk after save_steps_ more.
  std::optional<SavedCheckpoint> saved(bool wait) {
    if (!pending_ || (!wait && trainer().state().step < pending_->step + save_steps_)) return {};
    const Saved done = *std::exchange(pending_, {});
    if (std::exchange(given_up_, false)) throw Error{ErrorCode::kStopped, "given up"};
    if (failures_ > 0) {
      --failures_;
      throw Error{ErrorCode::kIo, "no space left on device"};
    }
    saved_.push_back(done);
    saved_state_ = pending_state_;
    return SavedCheckpoint{.name = "checkpoint-" + std::to_string(done.step), .step = done.step};
  }

  std::optional<kernels::EvalMetrics> next() {
    evaluated_.push_back(trainer().state().step);
    if (evaluated_.size() == stop_in_evaluation_) {
      stop_.request_stop();
      return std::nullopt;
    }
    kernels::EvalMetrics metrics;
    metrics.samples = 10;
    const size_t index = evaluated_.size() - 1;
    if (index < loglosses_.size()) metrics.logloss = loglosses_[index];
    return metrics;
  }

  std::string message_of_run() {
    try {
      run();
    } catch (const Error& e) {
      code_ = e.code();
      return e.what();
    }
    return {};
  }

  TemporaryFolder folder_;
  TrainConfig train_;
  CheckpointConfig checkpoint_;
  SmallModel small_;
  std::optional<TrainerState> state_;
  RunLog log_;
  MetricsLog metrics_;
  ThreadPool pool_{1};
  std::unique_ptr<models::Network> network_;
  std::optional<MemoryReader> reader_;
  std::optional<Trainer> trainer_;
  std::stop_source stop_;
  bool evaluates_ = true;
  bool finds_best_ = true;
  std::vector<std::optional<double>> loglosses_;
  size_t stop_in_evaluation_ = 0;
  int failures_ = 0;
  int64_t save_steps_ = 0;
  bool given_up_ = false;
  std::optional<Saved> pending_;
  TrainerState pending_state_;
  std::vector<int64_t> evaluated_;
  std::vector<Saved> saved_;
  TrainerState saved_state_;
  std::optional<int64_t> selected_;
  ErrorCode code_ = ErrorCode::kUsage;
};

TEST_F(TrainingLoopTest, EvaluatesAtTheEndOfEveryEpoch) {
  train_.epochs = 3;
  EXPECT_EQ(run(), RunEnd::kFinished);
  EXPECT_EQ(evaluated_, (std::vector<int64_t>{10, 20, 30}));
  EXPECT_EQ(saved_, (std::vector<Saved>{{30, SaveReason::kEnd}}));
}

TEST_F(TrainingLoopTest, EvaluatesEveryNStepsAndAtTheEnd) {
  train_.eval_every = 4;
  EXPECT_EQ(run(), RunEnd::kFinished);
  EXPECT_EQ(evaluated_, (std::vector<int64_t>{4, 8, 10}));
}

TEST_F(TrainingLoopTest, MaxStepsEndsTheRun) {
  train_.epochs = 3;
  train_.max_steps = 7;
  EXPECT_EQ(run(), RunEnd::kFinished);
  EXPECT_EQ(trainer().state().step, 7);
  EXPECT_EQ(evaluated_, (std::vector<int64_t>{7}));
}

TEST_F(TrainingLoopTest, WithoutEvaluationDataNothingIsEvaluated) {
  evaluates_ = false;
  EXPECT_EQ(run(), RunEnd::kFinished);
  EXPECT_TRUE(evaluated_.empty());
  EXPECT_EQ(saved_, (std::vector<Saved>{{10, SaveReason::kEnd}}));
}

TEST_F(TrainingLoopTest, CheckpointsEveryNSteps) {
  checkpoint_.every_steps = 3;
  run();
  EXPECT_EQ(saved_, (std::vector<Saved>{{3, SaveReason::kSchedule},
                                        {6, SaveReason::kSchedule},
                                        {9, SaveReason::kSchedule},
                                        {10, SaveReason::kEnd}}));
}

TEST_F(TrainingLoopTest, CheckpointsByTime) {
  checkpoint_.every = Duration{1e-9};
  train_.max_steps = 2;
  run();
  EXPECT_EQ(saved_, (std::vector<Saved>{{1, SaveReason::kSchedule}, {2, SaveReason::kSchedule}}));
}

TEST_F(TrainingLoopTest, AStopRequestSavesAndEndsTheRun) {
  stop_.request_stop();
  train_.max_steps = 5;
  trainer().step();
  EXPECT_EQ(run(), RunEnd::kStopped);
  EXPECT_EQ(saved_, (std::vector<Saved>{{1, SaveReason::kStopped}}));
  EXPECT_TRUE(evaluated_.empty());
}

TEST_F(TrainingLoopTest, AStopDuringAnEvaluationLeavesItToTheResumedRun) {
  train_.eval_every = 5;
  stop_in_evaluation_ = 1;
  EXPECT_EQ(run(), RunEnd::kStopped);
  EXPECT_EQ(saved_, (std::vector<Saved>{{5, SaveReason::kStopped}}));
  EXPECT_EQ(saved_state_.last_evaluation_step, -1);

  state_ = saved_state_;
  trainer_.reset();
  stop_ = {};
  stop_in_evaluation_ = 0;
  evaluated_.clear();
  EXPECT_EQ(run(), RunEnd::kFinished);
  EXPECT_EQ(evaluated_, (std::vector<int64_t>{5, 10}));
}

TEST_F(TrainingLoopTest, EarlyStoppingKeepsTheBest) {
  train_.eval_every = 1;
  train_.early_stopping = EarlyStoppingConfig{.patience = 2};
  loglosses_ = {0.6, 0.5, 0.55, 0.52, 0.1};
  EXPECT_EQ(run(), RunEnd::kEarlyStopped);
  EXPECT_EQ(trainer().state().step, 4);
  EXPECT_EQ(saved_, (std::vector<Saved>{
                        {1, SaveReason::kBest}, {2, SaveReason::kBest}, {4, SaveReason::kEnd}}));
  EXPECT_EQ(selected_, 2);
  EXPECT_EQ(trainer().state().best_evaluation->logloss, 0.5);
}

TEST_F(TrainingLoopTest, TheLastEvaluationMayBeTheBest) {
  train_.eval_every = 1;
  train_.max_steps = 3;
  train_.early_stopping = EarlyStoppingConfig{.patience = 2};
  loglosses_ = {0.6, 0.5, 0.4};
  EXPECT_EQ(run(), RunEnd::kFinished);
  EXPECT_FALSE(selected_);
}

TEST_F(TrainingLoopTest, AnUndefinedMetricIsNoEvaluationToStopBy) {
  train_.eval_every = 1;
  train_.early_stopping = EarlyStoppingConfig{.patience = 1};
  loglosses_ = {0.6, std::nullopt, std::nullopt, 0.5};
  train_.max_steps = 4;
  EXPECT_EQ(run(), RunEnd::kFinished);
  EXPECT_EQ(evaluated_.size(), 4u);
}

TEST_F(TrainingLoopTest, AFailedCheckpointIsToldAndTrainingGoesOn) {
  checkpoint_.every_steps = 2;
  failures_ = 2;
  EXPECT_EQ(run(), RunEnd::kFinished);
  EXPECT_EQ(saved_.front(), (Saved{6, SaveReason::kSchedule}));
  EXPECT_NE(read_file(folder_.path_of("log.txt")).find("no space left"), std::string::npos);
  EXPECT_NE(read_file(folder_.path_of("metrics.jsonl")).find("ckpt_failed"), std::string::npos);
}

TEST_F(TrainingLoopTest, TheThirdFailedCheckpointInARowEndsTheRun) {
  checkpoint_.every_steps = 2;
  failures_ = 3;
  const std::string text = message_of_run();
  EXPECT_EQ(code_, ErrorCode::kIo);
  EXPECT_NE(text.find("no space left"), std::string::npos) << text;
  EXPECT_EQ(trainer().state().step, 7);  // training goes on until it hears of it
}

TEST_F(TrainingLoopTest, AFailedCheckpointIsTriedAgainAtTheEnd) {
  checkpoint_.every_steps = 10;  // due at the last update, too
  failures_ = 1;
  EXPECT_EQ(run(), RunEnd::kFinished);
  EXPECT_EQ(saved_, (std::vector<Saved>{{10, SaveReason::kEnd}}));
}

TEST_F(TrainingLoopTest, ARunWhoseLastStateCannotBeSavedDoesNotEndWell) {
  checkpoint_.every_steps = 10;
  failures_ = 2;
  EXPECT_NE(message_of_run().find("no space left"), std::string::npos);
  EXPECT_EQ(code_, ErrorCode::kIo);
}

TEST_F(TrainingLoopTest, ABestThatCannotBeSavedIsTold) {
  train_.eval_every = 5;
  train_.early_stopping = EarlyStoppingConfig{.patience = 2};
  loglosses_ = {0.5, 0.6};
  failures_ = 1;
  finds_best_ = false;
  EXPECT_EQ(run(), RunEnd::kFinished);
  EXPECT_EQ(saved_, (std::vector<Saved>{{10, SaveReason::kEnd}}));
  EXPECT_NE(read_file(folder_.path_of("log.txt")).find("whose checkpoint is not there"),
            std::string::npos);
}

TEST_F(TrainingLoopTest, TablesThatWouldNotFitAreSavedFirst) {
  trainer().set_memory_check([this](const auto& collection, const auto& keys) {
    if (trainer().state().step < 4) return;
    MemoryLimit(1).check(collection, keys);
  });
  const std::string text = message_of_run();
  EXPECT_EQ(code_, ErrorCode::kResource);
  EXPECT_EQ(saved_, (std::vector<Saved>{{4, SaveReason::kError}}));
  for (const char* part : {"checkpoint-4", "Largest tables: C", "dtype", "memory.limit"}) {
    EXPECT_NE(text.find(part), std::string::npos) << text;
  }
}

TEST_F(TrainingLoopTest, CheckpointsAreWrittenWhileTrainingGoesOn) {
  checkpoint_.every_steps = 4;
  save_steps_ = 2;
  run();
  EXPECT_EQ(saved_,
            (std::vector<Saved>{
                {4, SaveReason::kSchedule}, {8, SaveReason::kSchedule}, {10, SaveReason::kEnd}}));
}

TEST_F(TrainingLoopTest, ACheckpointThatIsDueWaitsForTheOneBefore) {
  checkpoint_.every_steps = 2;
  save_steps_ = 3;
  run();
  std::vector<int64_t> steps;
  for (const Saved& saved : saved_) steps.push_back(saved.step);
  EXPECT_EQ(steps, (std::vector<int64_t>{2, 4, 6, 8, 10}));
}

TEST_F(TrainingLoopTest, AStoppedRunGivesUpTheCheckpointInTheMaking) {
  checkpoint_.every_steps = 8;
  save_steps_ = 100;
  evaluates_ = true;
  train_.eval_every = 9;
  stop_in_evaluation_ = 1;
  EXPECT_EQ(run(), RunEnd::kStopped);
  EXPECT_EQ(saved_, (std::vector<Saved>{{9, SaveReason::kStopped}}));
}

TEST_F(TrainingLoopTest, AnErrorEndsTheCheckpointInTheMakingFirst) {
  checkpoint_.every_steps = 4;
  save_steps_ = 100;
  trainer().set_memory_check([this](const auto&, const auto&) {
    if (trainer().state().step == 4) throw embedding::TierError{ErrorCode::kIo, "no space"};
  });
  const std::string text = message_of_run();
  EXPECT_EQ(saved_, (std::vector<Saved>{{4, SaveReason::kSchedule}}));
  EXPECT_NE(text.find("checkpoint-4"), std::string::npos) << text;
}

TEST_F(TrainingLoopTest, TiersThatFailLeaveACheckpoint) {
  trainer().set_memory_check([this](const auto&, const auto&) {
    if (trainer().state().step == 4) {
      throw embedding::TierError{ErrorCode::kIo, "table C: no space left on device"};
    }
  });
  const std::string text = message_of_run();
  EXPECT_EQ(code_, ErrorCode::kIo);
  EXPECT_EQ(saved_, (std::vector<Saved>{{4, SaveReason::kError}}));
  EXPECT_NE(text.find("table C"), std::string::npos) << text;
  EXPECT_NE(text.find("checkpoint-4"), std::string::npos) << text;
}

TEST_F(TrainingLoopTest, ALastCheckpointThatFailsDoesNotHideWhatEndedTheRun) {
  failures_ = 1;
  trainer().set_memory_check([this](const auto&, const auto&) {
    if (trainer().state().step == 4) throw embedding::TierError{ErrorCode::kCorrupt, "a bad row"};
  });
  const std::string text = message_of_run();
  EXPECT_EQ(code_, ErrorCode::kCorrupt);
  EXPECT_TRUE(saved_.empty());
  for (const char* part : {"a bad row", "update 4", "no space left", "no checkpoint"}) {
    EXPECT_NE(text.find(part), std::string::npos) << text;
  }
}

TEST_F(TrainingLoopTest, MemoryRefusedInTheMiddleOfAnUpdateIsNotSaved) {
  checkpoint_.every_steps = 2;
  trainer().set_memory_check([this](const auto&, const auto&) {
    if (trainer().state().step == 3) throw std::bad_alloc();
  });
  const std::string text = message_of_run();
  EXPECT_EQ(code_, ErrorCode::kResource);
  EXPECT_EQ(saved_, (std::vector<Saved>{{2, SaveReason::kSchedule}}));
  EXPECT_NE(text.find("checkpoint-2"), std::string::npos) << text;
}

TEST_F(TrainingLoopTest, ADivergedRunNamesItsLastCheckpointAndSavesNothing) {
  checkpoint_.every_steps = 2;
  small_.dense_optimizer = {.algorithm = kernels::Sgd{.learning_rate = 1e9f}};
  small_.table_optimizer = small_.dense_optimizer;
  const std::string text = message_of_run();
  EXPECT_EQ(code_, ErrorCode::kDiverged);
  for (const Saved& saved : saved_) EXPECT_EQ(saved.reason, SaveReason::kSchedule);
  EXPECT_NE(text.find("checkpoint"), std::string::npos) << text;
}

TEST_F(TrainingLoopTest, MetricsAreOneJsonObjectALine) {
  train_.log_every = 5;
  loglosses_ = {0.5};
  run();
  std::vector<std::string> events;
  for (const std::string& line : lines_of(read_file(folder_.path_of("metrics.jsonl")))) {
    const auto object = nlohmann::json::parse(line);
    events.push_back(object.at("event"));
    if (object.at("event") == "eval") {
      EXPECT_EQ(object.at("logloss"), 0.5);
      EXPECT_TRUE(object.at("auc").is_null());
    } else if (object.at("event") == "ckpt") {
      EXPECT_EQ(object.at("checkpoint"), "checkpoint-10");
    } else {
      EXPECT_GT(object.at("loss"), 0);
    }
  }
  EXPECT_EQ(events, (std::vector<std::string>{"train", "train", "eval", "ckpt"}));
  EXPECT_NE(read_file(folder_.path_of("log.txt")).find("undefined (only one class)"),
            std::string::npos);
}

TEST_F(TrainingLoopTest, AFinishedRunHasNothingLeftToDo) {
  run();
  state_ = saved_state_;
  trainer_.reset();
  saved_.clear();
  evaluated_.clear();
  EXPECT_EQ(run(), RunEnd::kFinished);
  EXPECT_TRUE(evaluated_.empty());
  EXPECT_EQ(trainer().state().step, 10);
}

}  // namespace
}  // namespace strata::train
