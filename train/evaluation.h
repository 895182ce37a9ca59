#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>

#include "base/thread_pool.h"
#include "data/reader.h"
#include "models/network.h"
#include "train/eval_metric.h"

namespace strata::train {

/// Metrics over a whole evaluation set, every sample with its weight. An absent value is undefined
/// there: AUC of one class, normalised entropy of a constant label, GAUC without groups.
struct EvaluationResult {
  int64_t samples = 0;
  double weight = 0;                  // sum of sample weights; = samples without weights
  double positive_weight = 0;
  std::optional<double> auc;          // exact: every pair counts, ties half
  std::optional<double> logloss;      // mean, natural logarithm
  std::optional<double> ne;           // logloss over that of the mean label
  std::optional<double> calibration;  // mean prediction over mean label
  std::optional<double> gauc;         // AUC per group, averaged by weight; one-class groups left out
  int64_t groups = 0;                 // that had both classes
};

/// The metric that early stopping or a schedule watches; nothing where it is undefined.
std::optional<double> metric_value(const EvaluationResult& result, EvalMetric metric);

/// Scores every row that `reader` gives from its first batch on, and changes nothing: unseen keys
/// read their table's default row. `reader` has a plan of one epoch. Returns nothing when `stop`
/// was requested before the end. Throws what reading throws, and Error{diverged} naming the batch
/// when a logit is not finite.
std::optional<EvaluationResult> evaluate(models::Network& network, data::Reader& reader,
                                         ThreadPool& pool, const std::stop_token& stop);

}  // namespace strata::train
