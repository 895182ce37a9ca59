#include "train/running_metrics.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/check.h"

namespace strata::train {
namespace {

constexpr int kBins = 1024;
constexpr float kBinsPerUnit = 64;  // so that the bins span logits of -8 to 8

size_t bin_of(float logit) {
  const float bin = logit * kBinsPerUnit + kBins / 2;
  return static_cast<size_t>(std::clamp(bin, 0.0f, static_cast<float>(kBins - 1)));
}

void forget(double keep, RunningState& state) {
  state.loss_sum *= keep;
  state.weight_sum *= keep;
  for (double& weight : state.positives) weight *= keep;
  for (double& weight : state.negatives) weight *= keep;
}

}  // namespace

void add_batch(const ScoredBatch& batch, int64_t window, RunningState& state) {
  STRATA_CHECK(batch.labels.size() == batch.logits.size(), "labels", batch.labels.size());
  if (batch.logits.empty()) return;
  state.positives.resize(kBins);
  state.negatives.resize(kBins);
  const auto samples = static_cast<double>(batch.logits.size());
  forget(std::max(0.0, 1 - samples / static_cast<double>(window)), state);
  state.loss_sum += batch.loss * samples;
  state.weight_sum += samples;
  for (size_t i = 0; i < batch.logits.size(); ++i) {
    const double weight = batch.weights.empty() ? 1 : batch.weights[i];
    (batch.labels[i] > 0.5f ? state.positives : state.negatives)[bin_of(batch.logits[i])] += weight;
  }
}

std::optional<double> running_loss(const RunningState& state) {
  if (state.weight_sum <= 0) return std::nullopt;
  return state.loss_sum / state.weight_sum;
}

std::optional<double> running_auc(const RunningState& state) {
  double positives = 0, negatives = 0, pairs = 0;
  for (size_t bin = 0; bin < state.positives.size(); ++bin) {
    pairs += state.positives[bin] * (negatives + state.negatives[bin] / 2);
    positives += state.positives[bin];
    negatives += state.negatives[bin];
  }
  if (positives <= 0 || negatives <= 0) return std::nullopt;
  return pairs / (positives * negatives);
}

}  // namespace strata::train
