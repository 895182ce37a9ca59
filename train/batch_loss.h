#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/batch.h"
#include "models/network.h"

namespace strata::train {

/// Binary cross-entropy of one batch of an update, chunk by chunk (DESIGN, step 8).
/// dlogits carry sample weight / samples of the global batch; nothing divides afterwards.
class BatchLoss {
 public:
  /// Prepares for `batch`, part of an update over `global_samples` samples. Both stay valid until
  /// the pass is over.
  void begin(const Batch& batch, int64_t global_samples);

  /// What Network::forward_backward calls for every chunk; chunks may run in parallel.
  models::LossHook hook();

  /// This batch's share of the update's loss: weighted loss terms / global_samples. Chunks are
  /// added in the pairwise tree, in double.
  double sum() const;

 private:
  void run_chunk(int64_t begin, int64_t end, std::span<const float> logits,
                 std::span<float> dlogits);
  size_t chunk_of(int64_t begin) const;

  const Batch* batch_ = nullptr;
  int64_t global_samples_ = 1;
  std::vector<std::optional<double>> by_chunk_;  // loss sums; empty chunks have none
};

}  // namespace strata::train
