#pragma once
// CONTRACT (the owner of this room completes it). embedding/ can be driven without train/ and
// models/: *look up and pool* and *apply gradients* are the two calls everything stands on.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/batch.h"
#include "base/thread_pool.h"
#include "embedding/table_config.h"
#include "kernels/rows.h"

namespace strata::embedding {

/// One use of a table by a sparse feature of the batch. Several lookups may share a table (shared
/// tables), and one feature may feed several tables (wide and deep).
struct Lookup {
  int feature = 0;        // index into Batch's features
  std::string table;      // name
  Pooling pooling = Pooling::kSum;
  int64_t out_column = 0; // first column of this lookup in the pooled matrix [B, out_width]
};

/// The keys of one batch, hashed and deduplicated per table. Made by prepare(), which reads no
/// table state, so batch n+1 can be prepared while batch n trains.
class KeyedBatch;  // per table: unique h [U] ascending, inverse [N_t], occurrence lists

enum class LookUpMode {
  kTrain,     // absent keys pass admission and are created from (seed, table, key)
  kReadOnly,  // absent keys read the table's default row; nothing changes
};

/// All tables of a model in one process, and the batched calls over them.
/// Exclusive unless said otherwise; parallel inside over the given pool, same bits for any number
/// of threads.
class Collection {
 public:
  Collection(std::vector<TableConfig> tables, std::vector<Lookup> lookups, uint64_t seed);
  ~Collection();

  /// Steps 2 and 3 of DESIGN's table: keys and deduplication. Thread-safe, const.
  void prepare(const Batch& batch, KeyedBatch& out, ThreadPool& pool) const;

  /// Step 5: unique keys -> slots; creation in order of h. `step` stamps created rows.
  void look_up(KeyedBatch& keys, LookUpMode mode, uint32_t step, ThreadPool& pool);

  /// Step 6 for samples [begin, end): out [B, out_width] row-major with row stride `stride` floats.
  /// An empty bag is zeros. Thread-safe after look_up: chunks pool in parallel.
  void pool(const KeyedBatch& keys, int64_t begin, int64_t end, float* out, int64_t stride) const;

  /// Step 10b, first half: dpool [B, out_width] -> gradient per unique key [U, D] per table, per
  /// chunk in sample order, then over chunks in the pairwise tree (absent leaves skipped).
  void reduce_gradients(KeyedBatch& keys, const float* dpool, int64_t stride,
                        std::span<const int64_t> chunk_begin, ThreadPool& pool) const;

  /// Sum of squares of the reduced gradients (double, fixed order): global-norm clipping.
  double squared_gradient_norm(const KeyedBatch& keys) const;

  /// Step 10b, second half: one optimizer update per unique row, gradients times `scale`.
  void apply(const KeyedBatch& keys, uint32_t step, float scale, ThreadPool& pool);

  int64_t out_width() const;
  int tables() const;
  const TableConfig& config(int table) const;
  void set_learning_rate(int table, float rate);  // before apply of each step
  // + access for checkpoint/export/inspect: rows in the order of h, raw row insert, usage.
};

}  // namespace strata::embedding
