#pragma once
// Exact evaluation metrics over a whole data set.

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace strata::kernels {

/// What an evaluation says. An empty optional is "undefined", for example AUC of one class.
struct EvalMetrics {
  int64_t samples = 0;
  double weight = 0;                         // sum of sample weights
  std::optional<double> auc;                 // undefined unless both classes have weight
  std::optional<double> logloss;             // weighted mean, in nats; undefined without weight
  std::optional<double> normalized_entropy;  // logloss / entropy of the mean label; same as auc
  std::optional<double> calibration;         // mean prediction / mean label; needs a positive label
  std::optional<double> group_auc;           // weighted mean AUC of groups that have both classes
  int64_t groups = 0;                        // distinct groups
  int64_t groups_with_auc = 0;               // of those, with both classes
  bool operator==(const EvalMetrics&) const = default;
};

/// One batch of predictions. Weights and groups are given always or never.
struct EvalSamples {
  std::span<const float> logits;     // [n], finite
  std::span<const float> labels;     // [n], 0 or 1
  std::span<const float> weights;    // [n] >= 0 and finite, or empty: all ones
  std::span<const uint64_t> groups;  // [n], or empty: no group AUC
};

/// Collects an evaluation set and computes its metrics: AUC by sorting all of it, ties counted
/// half (Mann-Whitney). Memory: 8 bytes per sample, 16 with groups; twice that while computing.
/// Deterministic: a function of the samples in the order they were added. Not thread-safe.
class MetricsAccumulator {
 public:
  /// Throws CheckFailure on unequal lengths or labels other than 0 and 1 (data/ ensures them) and
  /// Error{diverged} on a logit that is not finite.
  void add(const EvalSamples& batch);

  int64_t samples() const { return samples_; }

  /// Metrics of everything added so far; more may be added afterwards.
  EvalMetrics compute() const;

  /// Forgets all samples, keeps the memory.
  void clear();

 private:
  std::vector<uint64_t> scored_;  // [order-preserving logit | label | weight], see metrics.cc
  std::vector<uint64_t> groups_;  // [n] or empty
  int64_t samples_ = 0;
  double loss_ = 0;       // sum of weight * loss term
  double weight_ = 0;     // sum of weights
  double positives_ = 0;  // sum of weight * label
  double predicted_ = 0;  // sum of weight * sigmoid(logit)
};

}  // namespace strata::kernels
