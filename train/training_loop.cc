#include "train/training_loop.h"

#include <algorithm>
#include <new>

#include "base/error.h"
#include "train/memory_limit.h"
#include "train/running_metrics.h"
#include "train/schedule.h"

namespace strata::train {
namespace {

constexpr int kFailedSavesAllowed = 2;  // the third in a row ends the run

nlohmann::ordered_json json_of(const std::optional<double>& value) {
  if (!value) return nullptr;
  return *value;
}

}  // namespace

TrainingLoop::TrainingLoop(const TrainConfig& train, const CheckpointConfig& checkpoint,
                           LoopParts parts)
    : train_(train),
      checkpoint_(checkpoint),
      parts_(std::move(parts)),
      start_(Clock::now()),
      last_save_(start_) {}

void TrainingLoop::set_last_checkpoint(std::string name) {
  last_checkpoint_ = std::move(name);
  saved_step_ = tried_step_ = parts_.trainer.state().step;
}

RunEnd TrainingLoop::run(const std::stop_token& stop) {
  try {
    return loop(stop);
  } catch (const Error& e) {
    end_after_error(e);
  } catch (const std::bad_alloc&) {
    end_after_error({ErrorCode::kResource,
                     "the system refused memory in update {} (ulimit -v, cgroup or overcommit). A "
                     "lower memory.limit would have saved a checkpoint before",
                     parts_.trainer.state().step + 1});
  }
}

/// Ends the checkpoint that is being written, and saves once more where that is worth it. What
/// hinders either is told beside what ended the run, not instead of it.
void TrainingLoop::end_after_error(const Error& error) {
  std::string failed;
  try {
    collect_save(/*wait=*/true);
    if (worth_saving(error)) save(SaveReason::kError);
  } catch (const Error& e) {
    failed = fmt::format("A checkpoint of update {} failed: {}. ", tried_step_, e.what());
  }
  throw Error{error.code(), "{}. {}{}", error.what(), failed, checkpoint_hint()};
}

/// True for what ends a run between two updates through no fault of its weights: tables that would
/// not fit, tiers that failed, data that went bad or away.
bool TrainingLoop::worth_saving(const Error& error) const {
  const bool between = dynamic_cast<const MemoryLimitError*>(&error) != nullptr ||
                       dynamic_cast<const embedding::TierError*>(&error) != nullptr ||
                       error.code() == ErrorCode::kData || error.code() == ErrorCode::kMissing;
  const int64_t step = parts_.trainer.state().step;
  return between && parts_.trainer.consistent() && step > 0 && step != saved_step_;
}

RunEnd TrainingLoop::loop(const std::stop_token& stop) {
  for (;;) {
    collect_save(/*wait=*/false);
    if (evaluation_due()) evaluate(stop);
    if (stop.stop_requested()) return end(RunEnd::kStopped, stop);
    if (patience_used_up()) return end(RunEnd::kEarlyStopped, stop);
    if (checkpoint_due()) begin_save(SaveReason::kSchedule);
    if (limit_reached() || !train_one()) return end(RunEnd::kFinished, stop);
    report();
  }
}

bool TrainingLoop::train_one() {
  const Clock::time_point before = Clock::now();
  const bool trained = parts_.trainer.step();
  const double seconds = std::chrono::duration<double>(Clock::now() - before).count();
  if (trained) meter_.add(parts_.trainer.report().samples, seconds);
  parts_.trainer.add_seconds(seconds);
  return trained;
}

bool TrainingLoop::limit_reached() const {
  const TrainerState& state = parts_.trainer.state();
  return (train_.max_steps && state.step >= *train_.max_steps) || state.next.epoch >= train_.epochs;
}

bool TrainingLoop::evaluation_due() const {
  const TrainerState& state = parts_.trainer.state();
  if (!parts_.evaluate || state.step == 0 || state.last_evaluation_step == state.step) return false;
  if (train_.eval_every) return state.step % *train_.eval_every == 0;
  return state.next.batch == 0;
}

bool TrainingLoop::checkpoint_due() const {
  const int64_t step = parts_.trainer.state().step;
  if (step == tried_step_ || step == 0) return false;
  if (checkpoint_.every_steps && step % *checkpoint_.every_steps == 0) return true;
  const double since = std::chrono::duration<double>(Clock::now() - last_save_).count();
  return checkpoint_.every && !saving_ && since >= checkpoint_.every->seconds;
}

bool TrainingLoop::patience_used_up() const {
  return train_.early_stopping &&
         parts_.trainer.state().early_stopping.bad_evaluations >= train_.early_stopping->patience;
}

std::optional<kernels::EvalMetrics> TrainingLoop::run_evaluation(const std::stop_token& stop) {
  const int64_t step = parts_.trainer.state().step;
  const Clock::time_point before = Clock::now();
  const auto metrics = parts_.evaluate(static_cast<uint32_t>(step + 1), stop);
  if (!metrics) return std::nullopt;
  const double took = std::chrono::duration<double>(Clock::now() - before).count();
  nlohmann::ordered_json values = to_json(*metrics);
  values["evaluation_seconds"] = took;
  parts_.metrics.write({.event = "eval", .step = step, .seconds = seconds(), .values = values});
  parts_.log.note(format_evaluation(step, *metrics));
  return metrics;
}

void TrainingLoop::evaluate(const std::stop_token& stop) {
  const std::optional<kernels::EvalMetrics> metrics = run_evaluation(stop);
  if (!metrics) return;
  const Verdict verdict = parts_.trainer.observe(*metrics);
  const bool keep = train_.early_stopping && train_.early_stopping->keep_best;
  if (keep && verdict == Verdict::kBest) begin_save(SaveReason::kBest);
}

RunEnd TrainingLoop::end(RunEnd how, const std::stop_token& stop) {
  const TrainerState& state = parts_.trainer.state();
  if (how != RunEnd::kStopped) evaluate_at_the_end(stop);
  if (stop.stop_requested()) how = RunEnd::kStopped;
  if (how == RunEnd::kStopped) parts_.give_up_save();  // an older state than the one to come
  collect_save(/*wait=*/true);
  if (saved_step_ != state.step) {
    save(how == RunEnd::kStopped ? SaveReason::kStopped : SaveReason::kEnd);
  }
  if (how != RunEnd::kStopped && best_is_earlier()) {
    select_best();
  }
  return how;
}

void TrainingLoop::select_best() {
  const int64_t step = parts_.trainer.state().early_stopping.best_step;
  const std::string name = parts_.select(step);
  if (name.empty()) {
    parts_.log.note(fmt::format(
        "warning: the best evaluation was at step {}, whose checkpoint is not there: the last one "
        "stays current",
        step));
    return;
  }
  last_checkpoint_ = name;
  best_selected_ = true;
  parts_.log.note(
      fmt::format("the best evaluation was at step {}: {} is the current checkpoint", step, name));
}

void TrainingLoop::evaluate_at_the_end(const std::stop_token& stop) {
  Trainer& trainer = parts_.trainer;
  if (!parts_.evaluate || trainer.state().step == 0) return;
  if (trainer.state().last_evaluation_step == trainer.state().step) return;
  if (const auto metrics = run_evaluation(stop)) trainer.note_evaluation(*metrics);
}

bool TrainingLoop::best_is_earlier() const {
  const TrainerState& state = parts_.trainer.state();
  if (!train_.early_stopping || !train_.early_stopping->keep_best) return false;
  const EarlyStoppingConfig& config = *train_.early_stopping;
  if (!state.early_stopping.best || state.early_stopping.best_step == state.step) return false;
  if (state.last_evaluation_step != state.step) return true;
  const auto last = metric_value(*state.last_evaluation, config.metric);
  return !last || !improves(config.metric, *last, state.early_stopping.best, config.min_delta);
}

void TrainingLoop::begin_save(SaveReason reason) {
  collect_save(/*wait=*/true);
  parts_.trainer.require_finite();
  tried_step_ = parts_.trainer.state().step;
  last_save_ = Clock::now();
  parts_.begin_save(parts_.trainer.state(), reason);
  saving_ = true;
}

/// Saves and waits. Throws what hinders it.
void TrainingLoop::save(SaveReason reason) {
  begin_save(reason);
  saving_ = false;
  note_saved(*parts_.saved(/*wait=*/true));
}

/// Takes note of the checkpoint that was begun. Throws when it is the third that failed in a row.
void TrainingLoop::collect_save(bool wait) {
  if (!saving_) return;
  try {
    const std::optional<SavedCheckpoint> saved = parts_.saved(wait);
    if (!saved) return;
    saving_ = false;
    note_saved(*saved);
  } catch (const Error& e) {
    saving_ = false;
    if (e.code() == ErrorCode::kStopped) return;
    note_failed_save(e);
    if (e.code() != ErrorCode::kIo || failed_saves_ > kFailedSavesAllowed) throw;
  }
}

void TrainingLoop::note_saved(const SavedCheckpoint& saved) {
  last_checkpoint_ = saved.name;
  saved_step_ = saved.step;
  failed_saves_ = 0;
  parts_.metrics.write({.event = "ckpt",
                        .step = saved.step,
                        .seconds = seconds(),
                        .values = {{"checkpoint", saved.name},
                                   {"rows", saved.rows},
                                   {"save_seconds", saved.seconds},
                                   {"copied_bytes", saved.copied_bytes},
                                   {"waits", saved.waits}}});
}

void TrainingLoop::note_failed_save(const Error& error) {
  ++failed_saves_;
  parts_.log.note(
      fmt::format("warning: checkpoint failed ({} in a row): {}", failed_saves_, error.what()));
  parts_.metrics.write({.event = "ckpt_failed",
                        .step = tried_step_,
                        .seconds = seconds(),
                        .values = {{"reason", error.what()}}});
}

void TrainingLoop::report() {
  const Clock::time_point now = Clock::now();
  report_bad_rows();
  const bool logged = parts_.trainer.state().step % train_.log_every == 0;
  const bool shown = parts_.log.progress_due(now);
  if (!logged && !shown) return;
  const double rate = meter_.lap();
  if (rate > 0) rate_ = rate;
  if (logged) record_training();
  if (shown) parts_.log.progress(progress_line(), now);
}

void TrainingLoop::report_bad_rows() {
  const data::ReadStatistics& read = parts_.trainer.report().read;
  for (; bad_rows_told_ < read.first_bad.size(); ++bad_rows_told_) {
    const data::BadRow& row = read.first_bad[bad_rows_told_];
    parts_.log.note(fmt::format("{}:{}: warning: {}; row skipped", row.file, row.line, row.reason));
  }
}

void TrainingLoop::record_training() {
  const TrainerState& state = parts_.trainer.state();
  const UpdateReport& report = parts_.trainer.report();
  nlohmann::ordered_json values = {
      {"epoch", state.next.epoch},
      {"samples", state.samples},
      {"loss", json_of(running_loss(state.running))},
      {"auc", json_of(running_auc(state.running))},
      {"batch_loss", report.loss},
      {"samples_per_second", rate_},
      {"factor_dense", report.factors[static_cast<int>(Part::kDense)]},
      {"factor_tables", report.factors[static_cast<int>(Part::kTables)]},
      {"factor_wide", report.factors[static_cast<int>(Part::kWide)]},
      {"rows", report.rows},
      {"bad_rows", report.read.bad}};
  if (report.gradient_norm) values["gradient_norm"] = *report.gradient_norm;
  parts_.metrics.write(
      {.event = "train", .step = state.step, .seconds = seconds(), .values = values});
}

std::string TrainingLoop::progress_line() const {
  const TrainerState& state = parts_.trainer.state();
  const int64_t total = total_updates();
  std::optional<double> eta;
  if (rate_ > 0) {
    const double left = static_cast<double>(std::max<int64_t>(total - state.step, 0));
    eta = left * static_cast<double>(parts_.trainer.report().samples) / rate_;
  }
  return format_progress({.step = state.step,
                          .total_steps = total,
                          .samples_per_second = rate_,
                          .loss = running_loss(state.running),
                          .auc = running_auc(state.running),
                          .eta_seconds = eta});
}

int64_t TrainingLoop::total_updates() const {
  const int64_t all = train_.epochs * parts_.trainer.updates_per_epoch();
  return train_.max_steps ? std::min(all, *train_.max_steps) : all;
}

double TrainingLoop::seconds() const {
  return std::chrono::duration<double>(Clock::now() - start_).count();
}

std::string TrainingLoop::checkpoint_hint() const {
  if (last_checkpoint_.empty()) return "There is no checkpoint yet";
  return fmt::format("The last good checkpoint is {}", last_checkpoint_);
}

}  // namespace strata::train
