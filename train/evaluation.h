#pragma once

#include <optional>
#include <stop_token>

#include "base/thread_pool.h"
#include "data/reader.h"
#include "kernels/metrics.h"
#include "models/network.h"
#include "train/eval_metric.h"

namespace strata::train {

/// The metric that early stopping or a schedule watches; nothing where it is undefined.
std::optional<double> metric_value(const kernels::EvalMetrics& metrics, EvalMetric metric);

/// Scores every row that `reader` gives from its first batch on, and changes nothing: unseen keys
/// read their table's default row. `reader` has a plan of one epoch; `update` is the number of the
/// update that would come next (exact rows are read as they would then be). Returns nothing when
/// `stop` was requested before the end. Throws what reading throws, and Error{diverged} when a
/// logit is not finite.
std::optional<kernels::EvalMetrics> evaluate(models::Network& network, data::Reader& reader,
                                             uint32_t update, ThreadPool& pool,
                                             const std::stop_token& stop);

}  // namespace strata::train
