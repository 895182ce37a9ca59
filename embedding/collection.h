#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/batch.h"
#include "base/error.h"
#include "base/thread_pool.h"
#include "embedding/keyed_batch.h"
#include "embedding/table_config.h"
#include "kernels/rows.h"
#include "storage/tiered_table.h"

namespace strata::embedding {

/// One use of a table by a sparse feature of the batch. Several lookups may share a table (shared
/// tables), and one feature may feed several tables (wide and deep).
struct Lookup {
  int feature = 0;  // index into Batch's features
  std::string table;
  Pooling pooling = Pooling::kSum;
  int64_t out_column = 0;  // first column in the pooled matrix [B, out_width]; kNone: unused
};

enum class LookUpMode {
  kTrain,     // absent keys are created from (seed, table, key); exact rows are brought up to date
  kReadOnly,  // absent keys read the table's default row; nothing changes
};

/// What one look-up met, over all tables.
struct LookUpCounts {
  int64_t unique = 0;     // distinct keys
  int64_t created = 0;    // of these, made now
  int64_t defaulted = 0;  // of these, absent: they read the default row
  int64_t defaulted_occurrences = 0;
};

/// Thrown when the tiers below a table refuse a batch: the SSD fails or is full, or the rows in
/// flight do not fit into DRAM. Every row is as it was, or has just been made: the run can be
/// saved.
class TierError : public Error {
 public:
  using Error::Error;
  explicit TierError(const Error& error) : Error(error) {}
};

/// Memory and size of one table.
struct TableUsage {
  int64_t rows = 0;       // in all tiers, each key once
  int64_t dram_rows = 0;  // of them in DRAM
  int64_t index_bytes = 0;
  int64_t row_bytes = 0;
  storage::TierCounts counts;  // of the cache, where there is an SSD below it
  int64_t bytes() const { return index_bytes + row_bytes; }  // DRAM
};

/// What a row in DRAM costs, part by part.
struct RowBytes {
  double weights = 0;
  double state = 0;
  double stamp = 0;
  double index = 0;     // the key is in it
  double overhead = 0;  // rows handed to shards ahead of use; what a cache knows of its rows
  double total() const { return weights + state + stamp + index + overhead; }
  bool operator==(const RowBytes&) const = default;
};

/// One row as checkpoint, export and inspect see it.
struct RowView {
  uint64_t id;                       // what the user gave (of strings, the hash)
  uint64_t h;                        // the mixed key; rows come in ascending h
  std::span<const std::byte> bytes;  // kernels::RowLayout
};

class TablesCut;

/// All tables of a model in one process, and the batched calls over them.
///
/// Steps are numbered from 1: `step` is the update that the batch will make. Stamps hold the step
/// of the last change, 0 in a row that no update has touched. Exclusive unless said otherwise;
/// parallel inside over the given pool, same bits for any number of threads. Errors carry "table
/// <name>".
class Collection {
 public:
  /// `seed` feeds the initialisers. Shards are ranges of the top shard_bits of h.
  /// Tables with tiers.ssd open their database, fresh; its rows are removed when the collection
  /// goes. Throws Error{config} for an unknown table, a repeated name, overlapping columns, or
  /// tiers that do not go together; what SsdDatabase throws.
  Collection(std::vector<TableConfig> tables, std::vector<Lookup> lookups, uint64_t seed,
             int shard_bits = 10);
  ~Collection();
  Collection(Collection&&) noexcept;
  Collection& operator=(Collection&&) noexcept;

  /// Steps 2 and 3 of a batch: keys and deduplication. Thread-safe, const; reads no rows.
  void prepare(const Batch& batch, KeyedBatch& out, ThreadPool& pool) const;

  /// Between steps 3 and 5: rows of prepared keys that only the SSD has come into DRAM, so that
  /// look_up of a batch that trains need not wait for them. Changes no bit of any result. While
  /// another thread trains on earlier batches; one thread at a time, batches in their order.
  /// Does nothing for tables in DRAM alone. Throws TierError{io}, TierError{corrupt}.
  void fetch_ahead(KeyedBatch& keys);

  /// Step 5: unique keys -> slots; creation in order of h. `step` is the update being formed;
  /// kReadOnly does not use it and sees the rows as of the last applied step.
  /// With an SSD tier, rows looked up to train stay in DRAM until `apply`.
  /// Throws Error{resource} when a row cannot be made; TierError{resource} when the DRAM tier is
  /// too small for the batches in flight, TierError{io} when the SSD fails; rows made until then
  /// stay.
  LookUpCounts look_up(KeyedBatch& keys, LookUpMode mode, uint32_t step, ThreadPool& pool);

  /// Step 6 for samples [begin, end): out [end - begin, out_width] row-major with row stride
  /// `stride` floats; row 0 is sample `begin`. An empty bag is zeros. Columns that belong to no
  /// lookup are left alone. Thread-safe after look_up: chunks pool in parallel.
  void pool(const KeyedBatch& keys, int64_t begin, int64_t end, float* out, int64_t stride) const;

  /// The rows of a lookup without pooling: out [N_f, D], row stride `stride` floats.
  void gather(const KeyedBatch& keys, int lookup, float* out, int64_t stride) const;

  /// Step 10b, first half: dpool [B, out_width] -> gradient per unique key [U, D] per table, per
  /// chunk in sample order (of one sample: in the order of lookups), then over chunks in the
  /// pairwise tree, absent leaves skipped. chunk_begin is the one of the prepared batch.
  /// Lookups without pooling take theirs from keys.set_unpooled_gradients. Skips tables that do not
  /// train.
  void reduce_gradients(KeyedBatch& keys, const float* dpool, int64_t stride,
                        std::span<const int64_t> chunk_begin, ThreadPool& pool) const;

  /// Gradient accumulation: adds the reduced gradients of `keys` to those of `sum`, whose keys
  /// become the union. `sum` can be applied like any batch; an empty KeyedBatch is the start.
  void accumulate(const KeyedBatch& keys, KeyedBatch& sum) const;

  /// Sum of squares of the reduced gradients (double, fixed order): global-norm clipping.
  double squared_gradient_norm(const KeyedBatch& keys) const;

  /// Step 10b, second half: one optimizer update per unique row, gradients times `scale`.
  /// Records the learning rates of `step`: with a table in exact mode, steps are applied one after
  /// another from 1 (or from the length of the restored history + 1).
  void apply(const KeyedBatch& keys, uint32_t step, float scale, ThreadPool& pool);

  int64_t out_width() const;
  int tables() const;
  int shards() const;
  std::span<const Lookup> lookups() const;
  const TableConfig& config(int table) const;
  const kernels::RowLayout& layout(int table) const;
  /// Index of a table by name, or -1.
  int find_table(std::string_view name) const;
  void set_learning_rate(int table, float rate);  // before apply of each step

  /// The bijection between user ids and mixed keys: h = mix64(id xor salt), salt = XXH3-64(name).
  uint64_t hash_of(int table, uint64_t id) const;
  uint64_t id_of(int table, uint64_t h) const;

  /// Of the memory of all tables, the share that rows may take which change while a cut is read; of
  /// a table with a budget it is a part of that. 0 unless set, before the first row.
  void reserve_for_cuts(double share);
  /// Freezes all rows as of the last applied step, for another thread to read while training goes
  /// on. Between apply and look_up; one cut at a time, and no rows are inserted or cleared while it
  /// lives. Rows that change meanwhile are copied first, within the reserve and `most_bytes`:
  /// beyond that look_up waits for the reader.
  TablesCut cut(int64_t most_bytes = INT64_MAX);

  /// Rows of some shards, ascending in h. Thread-safe while nothing changes.
  void scan(int table, storage::ShardRange shards,
            const std::function<void(const RowView&)>& visit) const;
  storage::ShardRange all_shards() const { return {.first = 0, .count = shards()}; }
  /// Weights of a row as float [D], as a read-only look-up sees them (exact mode reads through):
  /// for export. `row` is a RowView::bytes or bytes read from a checkpoint. Thread-safe.
  void read_weights(int table, std::span<const std::byte> row, std::span<float> out) const;
  /// Puts raw rows [n, row_bytes] under h [n], ascending, replacing rows that are there. Threads
  /// may insert into different tables at the same time.
  void insert_rows(int table, std::span<const uint64_t> hashes, std::span<const std::byte> rows);
  /// Drops all rows of a table.
  void clear(int table);

  /// Learning rate of each applied step, from step 1: exact mode replays them. Part of a
  /// checkpoint. Stays empty where no replay is needed.
  std::span<const float> rate_history(int table) const;
  void set_rate_history(int table, std::span<const float> rates);

  TableUsage usage(int table) const;
  /// Bytes of DRAM that one more row costs on average in a large table.
  static RowBytes planned_row_bytes(const TableConfig& config);
  /// Bytes of DRAM of a table that has so many rows there.
  static double planned_bytes(const TableConfig& config, double rows);

 private:
  friend class TablesCut;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// All tables of a collection as they were when it was made, whatever happens to them since.
/// One thread at a time; the collection outlives it. Errors carry "table <name>".
class TablesCut {
 public:
  TablesCut(Collection& collection, int64_t reserve_bytes);
  ~TablesCut();
  TablesCut(TablesCut&&) noexcept;
  TablesCut& operator=(TablesCut&&) = delete;

  /// For what does not change: names, configs, layouts, shards.
  const Collection& collection() const;
  int64_t rows(int table) const;
  std::span<const float> rate_history(int table) const;
  /// Rows of some shards, ascending in h; each shard once.
  void scan(int table, storage::ShardRange shards,
            const std::function<void(const RowView&)>& visit);
  /// The most memory that rows which changed meanwhile have taken at one moment.
  int64_t peak_bytes() const;
  /// How often training has waited for the reader.
  int64_t waits() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Layout of a table's rows: weights, optimizer state, stamp.
kernels::RowLayout row_layout(const TableConfig& config);

}  // namespace strata::embedding
