#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <utility>

#include "base/fields.h"
#include "train/eval_metric.h"
#include "train/schedule_config.h"

namespace strata::train {

enum class Deterministic : uint8_t { kAuto, kTrue, kFalse };

/// Stops a run whose evaluations have ceased to improve.
struct EarlyStoppingConfig {
  EvalMetric metric = EvalMetric::kLogloss;
  int64_t patience = 2;
  double min_delta = 0;
  bool keep_best = true;

  template <class V>
  void visit(V& v) {
    v("metric", metric,
      {.doc = "Evaluation metric that is watched.", .on_resume = OnResume::kFree});
    v("patience", patience,
      {.doc = "The run stops after this many evaluations in a row without improvement.",
       .min = 1,
       .on_resume = OnResume::kFree});
    v("min_delta", min_delta,
      {.doc = "A smaller change of the metric is no improvement.",
       .min = 0,
       .on_resume = OnResume::kFree});
    v("keep_best", keep_best,
      {.doc =
           "Saves a checkpoint at every best evaluation; at the end of the run it is the current "
           "one.",
       .on_resume = OnResume::kFree});
  }
};

/// Schedules of parts of the model; null: as train.schedule.
struct PartSchedules {
  std::optional<ScheduleConfig> dense{};
  std::optional<ScheduleConfig> tables{};
  std::optional<ScheduleConfig> wide{};

  template <class V>
  void visit(V& v) {
    v("dense", dense,
      {.doc = "Rates of the dense part; null: train.schedule.", .on_resume = OnResume::kFree});
    v("tables", tables,
      {.doc = "Rates of all tables but the wide ones; null: train.schedule.",
       .on_resume = OnResume::kFree});
    v("wide", wide,
      {.doc = "Rates of the wide (D = 1) tables; null: train.schedule.",
       .on_resume = OnResume::kFree});
  }
};

/// The YAML group `train`.
struct TrainConfig {
  int64_t batch_size = 2048;
  int64_t epochs = 1;
  std::optional<int64_t> max_steps{};
  std::optional<int64_t> eval_every{};
  std::optional<int64_t> eval_batch_size{};
  uint64_t seed = 1;
  Deterministic deterministic = Deterministic::kAuto;
  int64_t chunks = 0;
  int64_t threads = 0;
  std::optional<double> clip_norm{};
  int64_t accumulate = 1;
  ScheduleConfig schedule{};
  PartSchedules schedules{};
  std::optional<EarlyStoppingConfig> early_stopping{};
  int64_t log_every = 100;
  int64_t auc_window = 200'000;

  template <class V>
  void visit(V& v) {
    visit_batches(v);
    visit_updates(v);
    visit_reports(v);
  }

  /// `chunks` with 0 resolved: 8, 2 below batch 512 (DESIGN, determinism law).
  int64_t resolved_chunks() const { return chunks != 0 ? chunks : (batch_size < 512 ? 2 : 8); }
  int64_t resolved_eval_batch_size() const { return eval_batch_size.value_or(batch_size); }

 private:
  template <class V>
  void visit_batches(V& v) {
    v("batch_size", batch_size,
      {.doc = "Samples per step, over all workers.", .min = 1, .max = 1 << 24});
    v("epochs", epochs,
      {.doc = "Passes over the training data.", .min = 1, .on_resume = OnResume::kFree});
    v("max_steps", max_steps,
      {.doc = "The run ends after this many updates; null: only epochs counts.",
       .min = 1,
       .on_resume = OnResume::kFree});
    v("eval_every", eval_every,
      {.doc = "Updates between evaluations; null: at the end of every epoch. There is always one "
              "at the end.",
       .min = 1,
       .on_resume = OnResume::kFree});
    v("eval_batch_size", eval_batch_size,
      {.doc = "Samples per evaluation batch; null: batch_size.",
       .min = 1,
       .max = 1 << 24,
       .on_resume = OnResume::kFree});
    v("seed", seed, {.doc = "Seed of sample order, initial weights, dropout and rounding."});
    v("deterministic", deterministic,
      {.doc = "auto | true | false. true: the same bits for any number of threads; auto is true on "
              "the CPU."});
    v("chunks", chunks,
      {.doc = "Equal slices of a batch in which gradients are formed, a power of two; 0: 8, or 2 "
              "below batch 512.",
       .min = 0,
       .max = 1024});
    v("threads", threads,
      {.doc = "Compute threads; 0: all of the machine.",
       .min = 0,
       .max = 1024,
       .on_resume = OnResume::kFree});
  }

  template <class V>
  void visit_updates(V& v) {
    v("clip_norm", clip_norm,
      {.doc = "Gradients of dense part and tables are scaled down together to this global L2 norm; "
              "null: never.",
       .min = 0,
       .above_min = true,
       .on_resume = OnResume::kFree});
    v("accumulate", accumulate,
      {.doc = "Batches whose gradients form one update: as one batch of accumulate * batch_size.",
       .min = 1,
       .max = 1 << 20});
    v("schedule", schedule,
      {.doc = "How learning rates move over updates, counted from 1.",
       .on_resume = OnResume::kFree});
    v("schedules", schedules,
      {.doc = "Schedules of parts of the model.", .on_resume = OnResume::kFree});
    v("early_stopping", early_stopping,
      {.doc = "Stops when evaluations no longer improve; null: never.",
       .on_resume = OnResume::kFree});
  }

  template <class V>
  void visit_reports(V& v) {
    v("log_every", log_every,
      {.doc = "Updates between lines of metrics.jsonl and progress.",
       .min = 1,
       .on_resume = OnResume::kFree});
    v("auc_window", auc_window,
      {.doc = "Samples over which running loss and AUC forget, exponentially.",
       .min = 1,
       .max = 1e8,
       .on_resume = OnResume::kFree});
  }
};

}  // namespace strata::train

template <>
struct strata::EnumNames<strata::train::Deterministic> {
  using enum strata::train::Deterministic;
  static constexpr std::pair<strata::train::Deterministic, std::string_view> kNames[] = {
      {kAuto, "auto"}, {kTrue, "true"}, {kFalse, "false"}};
};
