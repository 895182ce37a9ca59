#pragma once
// Binary cross-entropy from logits, in the log-sum-exp form: finite for every finite logit.

#include <cstdint>
#include <span>

namespace strata::kernels {

/// One slice of a batch.
struct BceArgs {
  std::span<const float> logits;   // [n]
  std::span<const float> labels;   // [n], in [0, 1]
  std::span<const float> weights;  // [n] >= 0, or empty: all ones
  int64_t batch_samples = 1;       // of the global batch; dlogits are divided by it
};

/// What a slice adds to the loss.
struct BceSum {
  double loss = 0;                // sum of weight * loss term (not divided)
  double weight = 0;              // sum of weights
  int64_t first_non_finite = -1;  // index within the slice of the first sample whose loss is not
                                  // finite, or -1
};

/// loss_i    = max(x, 0) - x * y + log(1 + exp(-|x|))
/// dlogits_i = weight_i * (sigmoid(x_i) - y_i) / batch_samples
/// dlogits [n] may be logits. Sums are in double, in sample order. Thread-safe.
BceSum bce(const BceArgs& args, float* dlogits);

/// The loss alone (evaluation).
BceSum bce_loss(const BceArgs& args);

/// log(1 + exp(-|x|)) + max(x, 0) - x * y in double.
double bce_term(double logit, double label);

/// 1 / (1 + exp(-x)) in double, without overflow.
double sigmoid(double logit);

}  // namespace strata::kernels
