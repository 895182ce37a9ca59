#pragma once
// The members of Collection; an implementation detail of collection*.cc.

#include <fmt/format.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <new>
#include <string>
#include <vector>

#include "base/error.h"
#include "embedding/collection.h"
#include "embedding/tiers.h"
#include "storage/tiered_table.h"

namespace strata::embedding {

/// One table: its configuration, its rows, and the rates it has learned with.
struct TableState {
  TableState(const TableConfig& config, int shard_bits, storage::RowStore* store);

  /// True when rows that a batch does not touch move on: exact mode replays what they missed.
  bool replays() const { return config.trainable && config.optimizer.needs_catch_up(); }

  /// Weights of a whole row, as of the last applied step: out [D].
  void read_weights(std::span<const std::byte> row, std::span<float> out) const;

  /// What lays out a row's state: a table that does not train has none.
  kernels::OptimizerConfig state_optimizer() const {
    return config.trainable ? config.optimizer : kernels::OptimizerConfig{};
  }

  TableConfig config;
  uint64_t salt;
  kernels::RowLayout layout;
  storage::TieredTable rows;
  float rate;
  std::vector<float> rates;        // [applied steps] where replays()
  std::vector<int> lookups;        // that read this table, ascending
  std::vector<float> default_row;  // [D] weights, as the dtype holds them
};

/// Part of the unique keys of one table: what one thread works on at a time.
struct KeyRange {
  int table = 0;
  int64_t begin = 0;
  int64_t end = 0;
};

struct Collection::Impl {
  Impl(std::vector<TableConfig> tables, std::vector<Lookup> lookups, uint64_t seed, int shard_bits);

  void prepare_lookup(const Batch& batch, int lookup, KeyedBatch& out) const;
  void prepare_table(const Batch& batch, int table, KeyedBatch& out) const;
  bool reduces_scalars(int table, const KeyedBatch& keys) const;
  void reduce_scalars(int table, KeyedBatch& keys, const float* dpool, int64_t stride) const;
  void list_table(int table, KeyedBatch& keys) const;
  int64_t hold_rows(uint32_t step, KeyedBatch& keys);
  std::vector<std::unique_lock<std::mutex>> pause_fetching(LookUpMode mode) const;
  std::vector<storage::TieredTable::Change> begin_changes(LookUpMode mode, const KeyedBatch& keys);
  void size_outputs(KeyedBatch& keys) const;
  static void count_defaulted(const KeyedBatch& keys, LookUpCounts& counts);
  void read_rows(const KeyRange& range, KeyedBatch& keys) const;
  int64_t make_rows(const KeyRange& range, uint32_t step, KeyedBatch& keys);
  void init_rows(const TableState& state, std::span<const uint64_t> hashes,
                 std::span<const int64_t> slots, std::span<const int64_t> created,
                 uint32_t step) const;
  int64_t room_of(const TableState& state) const;
  int64_t cut_reserve_bytes() const;
  void catch_up(const TableState& state, std::span<const int64_t> slots, uint32_t step) const;
  void read_weights(const KeyRange& range, KeyedBatch& keys) const;
  void reduce_range(const KeyRange& range, KeyedBatch& keys, const float* dpool,
                    int64_t stride) const;

  Tiers tiers;  // outlives the tables
  std::vector<TableState> tables;
  std::vector<Lookup> lookups;
  std::vector<int> lookup_table;  // index of each lookup's table
  uint64_t seed;
  std::atomic<uint32_t> ticket{0};         // of the last batch, looked up to train or fetched ahead
  std::atomic<uint32_t> oldest_ticket{1};  // of the batches whose gradients are not applied yet
  int shard_bits;
  double cut_share = 0;
  int features = 0;  // the batch has at least so many
  int64_t out_width = 0;
};

/// Runs `body`; errors that leave it name the table, and exhausted memory becomes one.
template <class Body>
decltype(auto) in_table(const TableState& table, Body&& body) {
  try {
    return body();
  } catch (const Error& e) {
    throw e.in("table " + table.config.name);
  } catch (const std::bad_alloc&) {
    throw Error(ErrorCode::kResource, "table {}: out of memory", table.config.name);
  }
}

}  // namespace strata::embedding
