#include "train/batch_loss.h"

#include <algorithm>

#include "base/check.h"
#include "kernels/bce.h"
#include "kernels/tree_sum.h"

namespace strata::train {

void BatchLoss::begin(const Batch& batch, int64_t global_samples) {
  STRATA_CHECK(global_samples >= batch.size && batch.size > 0, "samples", global_samples);
  batch_ = &batch;
  global_samples_ = global_samples;
  by_chunk_.assign(batch.chunk_begin.size() - 1, std::nullopt);
}

models::LossHook BatchLoss::hook() {
  return [this](int64_t begin, int64_t end, std::span<const float> logits,
                std::span<float> dlogits) { run_chunk(begin, end, logits, dlogits); };
}

double BatchLoss::sum() const {
  return kernels::tree_sum(by_chunk_).value_or(0) / static_cast<double>(global_samples_);
}

void BatchLoss::run_chunk(int64_t begin, int64_t end, std::span<const float> logits,
                          std::span<float> dlogits) {
  if (begin == end) return;
  const auto slice = [&](std::span<const float> values) {
    return values.empty() ? values : values.subspan(begin, end - begin);
  };
  const kernels::BceSum sum = kernels::bce({.logits = slice(logits),
                                            .labels = slice(batch_->labels),
                                            .weights = slice(batch_->sample_weights),
                                            .batch_samples = global_samples_},
                                           dlogits.data() + begin);
  std::optional<double>& chunk = by_chunk_[chunk_of(begin)];
  STRATA_CHECK(!chunk, "a chunk came twice", begin);
  chunk = sum.loss;
}

/// The chunk that starts at `begin` and is not empty: the last one that starts there.
size_t BatchLoss::chunk_of(int64_t begin) const {
  const auto& starts = batch_->chunk_begin;
  const auto after = std::upper_bound(starts.begin(), starts.end(), begin);
  return static_cast<size_t>(after - starts.begin()) - 1;
}

}  // namespace strata::train
