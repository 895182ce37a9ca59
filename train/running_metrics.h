#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "train/trainer_state.h"

namespace strata::train {

/// Logits of a batch before its update, with what they should have been.
struct ScoredBatch {
  std::span<const float> logits;   // [B]
  std::span<const float> labels;   // [B], 0 or 1
  std::span<const float> weights;  // [B] or empty (all ones)
  double loss = 0;                 // mean of the weighted loss terms over B
};

/// Progressive metrics: every batch is scored before it is learnt from, so they are honest without
/// a second data set. Older samples count less: after `window` further samples about 1/e is left.
/// Logits fall into bins of 1/64 in [-8, 8), so the AUC is good to about 1e-4.
void add_batch(const ScoredBatch& batch, int64_t window, RunningState& state);

/// Mean loss, or nothing before the first sample.
std::optional<double> running_loss(const RunningState& state);

/// Area under the ROC curve, ties counted half; nothing while only one class has been seen.
std::optional<double> running_auc(const RunningState& state);

}  // namespace strata::train
