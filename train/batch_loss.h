#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/batch.h"
#include "models/network.h"

namespace strata::train {

/// Binary cross-entropy of one batch of an update, chunk by chunk (DESIGN, step 8).
/// dlogits carry sample weight / samples of the global batch; nothing divides afterwards.
class BatchLoss {
 public:
  /// Prepares for `batch`, part of an update over `global_samples` samples.
  void begin(const Batch& batch, int64_t global_samples);

  /// What Network::forward_backward calls for every chunk; chunks may run in parallel.
  models::LossHook hook();

  /// This batch's share of the update's loss: weighted loss terms / global_samples. The chunks are
  /// added in order, in double.
  double sum() const;

 private:
  void run_chunk(int64_t begin, int64_t end, std::span<const float> logits,
                 std::span<float> dlogits);

  const Batch* batch_ = nullptr;
  double scale_ = 0;              // 1 / global_samples
  std::vector<double> by_chunk_;  // unscaled sums
};

}  // namespace strata::train
