#pragma once
// Scoring: a network over batches, changing nothing. Used by predict and eval on exports, by the
// golden requests, and by export itself.

#include <cstdint>
#include <functional>
#include <iosfwd>
#include <span>

#include "base/batch.h"
#include "base/thread_pool.h"
#include "data/reader.h"
#include "embedding/keyed_batch.h"
#include "kernels/metrics.h"
#include "models/network.h"

namespace strata::serving {

/// A network that scores. Not thread-safe; parallel inside over the pool, same bits for any number
/// of threads. Unseen keys read their table's default row.
class Scorer {
 public:
  /// `update` is the number of the update that would come next: rows of exact tables are read as
  /// they would then be. Exports hold such rows already; any number will do.
  Scorer(models::Network& network, uint32_t update, ThreadPool& pool)
      : network_(network), update_(update), pool_(pool) {}

  /// Logits [B], valid until the next call.
  std::span<const float> score(const Batch& batch);

  /// Keys and occurrences that read the default row so far.
  const embedding::LookUpCounts& counts() const { return counts_; }

 private:
  models::Network& network_;
  uint32_t update_;
  ThreadPool& pool_;
  embedding::KeyedBatch keyed_;
  embedding::LookUpCounts counts_;
};

/// Takes the logits of one batch.
using LogitSink = std::function<void(const Batch& batch, std::span<const float> logits)>;

/// Scores everything `reader` gives.
void score_all(Scorer& scorer, data::Reader& reader, const LogitSink& sink);

/// Metrics of everything `reader` gives. Throws Error{diverged} for a logit that is not finite.
kernels::EvalMetrics evaluate(Scorer& scorer, data::Reader& reader);

/// Writes predictions as lines `id<TAB>probability`; the id is the row's number, from 0, where the
/// data has no id column. Tabs, line breaks and backslashes of an id are written \t, \n, \r, \\.
class PredictionWriter {
 public:
  explicit PredictionWriter(std::ostream& out) : out_(out) {}
  void operator()(const Batch& batch, std::span<const float> logits);
  int64_t rows() const { return rows_; }

 private:
  std::ostream& out_;
  int64_t rows_ = 0;
};

}  // namespace strata::serving
