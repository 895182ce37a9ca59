#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "kernels/rows.h"

namespace strata::storage {

/// Slot of a key that is absent.
inline constexpr int64_t kNoSlot = -1;

struct DramTableConfig {
  int row_bytes = 0;    // 4 … 64 MiB
  int shard_bits = 10;  // 2^shard_bits shards: the top bits of h; 0 … 16
  /// Freed slots are reused by any shard, not only by their own. Then only one thread may insert or
  /// erase, and the rows of a table that stays within a size stay within that memory.
  bool one_free_list = false;
};

struct DramTableUsage {
  int64_t rows = 0;         // keys present
  int64_t index_bytes = 0;  // bucket runs and what describes them
  int64_t row_bytes = 0;    // touched memory of the row arena, free slots included
  int64_t bytes() const { return index_bytes + row_bytes; }
};

/// A key and where its row is.
struct KeySlot {
  uint64_t h = 0;
  int64_t slot = kNoSlot;
};

/// Growable, exact hash table h -> row of fixed width, in DRAM.
///
/// h is a mixed key (uniform 64 bits); its top shard_bits are the shard. Every shard has its own
/// run of buckets, so growth and scans act on one shard; a table under 64 k rows has one run for
/// all. Rows live apart from the buckets in segments that never move: a slot stays valid until its
/// key is erased. Buckets are addressed by multiply-high on h, so bucket order follows h. Keys that
/// are not uniform are slow, never wrong.
///
/// Shards grow by a seventh, each at another load, so the table as a whole grows smoothly, with no
/// pause longer than the growth of one shard. The index takes 16 bytes a row, and up to 24 where
/// rows are so wide that a faster look-up is worth them (planned_index_bytes).
///
/// Thread safety: any number of threads may `find`. Threads may call `find_or_insert` and `erase`
/// at the same time when no two of them touch the same shard AND shared_run() is false (callers
/// split sorted keys at shard borders). Everything else is exclusive.
/// Memory: throws Error{resource} when the system refuses memory; keys and rows that were there
/// stay as they were.
class DramTable {
 public:
  /// A table that expects fewer has one run of buckets.
  static constexpr int64_t kOneRunRows = int64_t{1} << 16;

  explicit DramTable(const DramTableConfig& config);
  ~DramTable();
  DramTable(DramTable&&) noexcept;
  DramTable& operator=(DramTable&&) noexcept;

  /// slots[i] <- slot of hashes[i], or kNoSlot. Fastest when hashes ascend.
  void find(std::span<const uint64_t> hashes, std::span<int64_t> slots) const;

  /// slots[i] <- slot of hashes[i]; absent keys get a fresh zeroed row and their positions i are
  /// appended to `created` in order. hashes are distinct.
  void find_or_insert(std::span<const uint64_t> hashes, std::span<int64_t> slots,
                      std::vector<int64_t>& created);

  /// Removes keys; returns how many were present. Freed slots are reused.
  int64_t erase(std::span<const uint64_t> hashes);

  /// Grows the index, if need be, so that `more` insertions of uniform keys cause no growth in
  /// between. Exclusive.
  void reserve(int64_t more);

  /// Calls visit(h, slot) for every key of `shard`, ascending in h.
  template <class F>
  void scan(int shard, F&& visit) const {
    for (const KeySlot& key : keys_of(shard)) visit(key.h, key.slot);
  }
  /// The keys of `shard`, ascending in h.
  std::vector<KeySlot> keys_of(int shard) const;

  /// Appends the keys of the run after `run`, in no exact order, and makes it `run`; the first run
  /// follows the last. For looking through a table piece by piece.
  void next_run(size_t& run, std::vector<KeySlot>& keys) const;

  /// Valid until the table grows; rows themselves never move.
  kernels::RowsRef rows() const;
  int shards() const;
  int shard_of(uint64_t h) const;
  int64_t size() const;
  /// Every slot handed out so far is below this; it only grows.
  int64_t slots() const;
  /// Slots in memory that hold no row: insertions take them first.
  int64_t free_slots() const;
  /// True when shards share a run or free slots: then only one thread may insert or erase.
  bool shared_run() const;
  DramTableUsage usage() const;

  /// Bytes of index that a row costs in a large table, on average over its growth.
  static double planned_index_bytes(int row_bytes);
  /// Bytes of a whole table of so many rows, within some 5 %: what a small one takes beside its
  /// rows (pages that are begun, runs of buckets) included. 0 without rows.
  static double planned_bytes(const DramTableConfig& config, double rows);
  /// Of the rows of a table without one_free_list: handed to shards ahead of use, on average.
  static constexpr double kRowsAhead = 0.016;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace strata::storage
