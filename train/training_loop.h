#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/fields.h"
#include "kernels/metrics.h"
#include "train/checkpoint_config.h"
#include "train/checkpoint_saver.h"
#include "train/metrics_log.h"
#include "train/progress.h"
#include "train/run_log.h"
#include "train/train_config.h"
#include "train/trainer.h"

namespace strata::train {

/// Why a checkpoint is written.
enum class SaveReason : uint8_t { kSchedule, kBest, kStopped, kError, kEnd };

/// How a run came to its end.
enum class RunEnd : uint8_t {
  kFinished,      // all steps or epochs are done
  kEarlyStopped,  // evaluations ceased to improve
  kStopped,       // on request; resumable
};

/// What the loop works with. Trainer, log and metrics outlive it.
struct LoopParts {
  Trainer& trainer;
  RunLog& log;
  MetricsLog& metrics;
  /// Metrics over the evaluation set as update `update` would see it; nothing when stopped before
  /// the end. Null: there is no evaluation data.
  std::function<std::optional<kernels::EvalMetrics>(uint32_t update, const std::stop_token&)>
      evaluate;
  /// Freezes the run and begins to write a checkpoint of it, beside what comes next.
  std::function<void(const TrainerState&, SaveReason)> begin_save;
  /// The checkpoint begun last, once; nothing while it is being written, unless `wait`. Throws
  /// Error{io}.
  std::function<std::optional<SavedCheckpoint>(bool wait)> saved;
  /// Lets the one that is being written end soon, with Error{stopped} if it is not done.
  std::function<void()> give_up_save;
  /// Makes the checkpoint of this step the current one and returns its name.
  std::function<std::string(int64_t step)> select;
};

/// Steps, evaluations and checkpoints in their order: the only place that knows when each is due.
/// Between two updates the order is: evaluation, stop request, checkpoint. All decisions but the
/// time of a checkpoint follow from the trainer's state, so a resumed run takes the same ones.
class TrainingLoop {
 public:
  using Clock = std::chrono::steady_clock;

  TrainingLoop(const TrainConfig& train, const CheckpointConfig& checkpoint, LoopParts parts);

  /// Runs to the end of the run or to the first update after `stop` is requested, and saves.
  /// Checkpoints in between are written while training goes on; one that is due before the last is
  /// done waits for it when it is due by steps, and comes later when it is due by time.
  /// Throws Error{diverged}, Error{resource}, Error{data}, Error{io} …; the message then names the
  /// last good checkpoint.
  RunEnd run(const std::stop_token& stop);

  /// Of training alone: evaluations and checkpoints are not counted.
  double samples_per_second() const { return meter_.overall(); }
  /// Name of the newest checkpoint of this session; empty before the first.
  const std::string& last_checkpoint() const { return last_checkpoint_; }
  /// True when an earlier checkpoint was better than the last and is the current one now.
  bool best_selected() const { return best_selected_; }
  /// A run that was resumed from a checkpoint need not save that step again.
  void set_last_checkpoint(std::string name);

 private:
  RunEnd loop(const std::stop_token& stop);
  bool worth_saving(const Error& error) const;
  [[noreturn]] void end_after_error(const Error& error);
  bool train_one();
  bool limit_reached() const;
  bool evaluation_due() const;
  bool checkpoint_due() const;
  bool patience_used_up() const;
  void evaluate(const std::stop_token& stop);
  void evaluate_at_the_end(const std::stop_token& stop);
  std::optional<kernels::EvalMetrics> run_evaluation(const std::stop_token& stop);
  bool best_is_earlier() const;
  void select_best();
  RunEnd end(RunEnd how, const std::stop_token& stop);
  void begin_save(SaveReason reason);
  void save(SaveReason reason);
  void collect_save(bool wait);
  void note_saved(const SavedCheckpoint& saved);
  void note_failed_save(const Error& error);
  void report();
  void report_bad_rows();
  void record_training();
  std::string progress_line() const;
  int64_t total_updates() const;
  double seconds() const;
  std::string checkpoint_hint() const;

  TrainConfig train_;
  CheckpointConfig checkpoint_;
  LoopParts parts_;
  RateMeter meter_;
  Clock::time_point start_;
  Clock::time_point last_save_;
  int64_t saved_step_ = -1;
  int64_t tried_step_ = -1;  // of the last attempt, also one that failed
  bool saving_ = false;      // one is being written
  double rate_ = 0;          // samples per second at the last report
  int failed_saves_ = 0;     // in a row
  size_t bad_rows_told_ = 0;
  std::string last_checkpoint_;
  bool best_selected_ = false;
};

}  // namespace strata::train

template <>
struct strata::EnumNames<strata::train::SaveReason> {
  using enum strata::train::SaveReason;
  static constexpr std::pair<strata::train::SaveReason, std::string_view> kNames[] = {
      {kSchedule, "schedule"},
      {kBest, "best"},
      {kStopped, "stopped"},
      {kError, "error"},
      {kEnd, "end"}};
};
