#pragma once

#include <cstdint>

#include "base/thread_pool.h"
#include "data/generator.h"
#include "kernels/metrics.h"

namespace strata::train {

/// What can be reached on a generated data set: the hidden model itself, judged on the last rows.
struct SyntheticReport {
  int64_t rows = 0;                // rows the report stands on
  int64_t eval_rows = 0;           // the last ones, on which the metrics are taken
  double positive_rate = 0;        // of all rows
  int64_t distinct_ids = 0;        // (column, id) pairs in the training rows
  kernels::EvalMetrics best;       // the hidden model
  kernels::EvalMetrics learnable;  // effects of ids seen < 5 times in training averaged out
  kernels::EvalMetrics
      without_interactions;  // of ids seen >= 20 times; the rest is the hidden model
};

/// Counts ids over the first rows and evaluates on the last `eval_fraction` of `rows`.
/// Memory: about 16 bytes per distinct id. Deterministic for any number of threads.
SyntheticReport synthetic_report(const data::CriteoGenerator& generator, int64_t rows,
                                 double eval_fraction, ThreadPool& pool);

}  // namespace strata::train
