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
  int row_bytes = 0;    // > 0
  int shard_bits = 10;  // 2^shard_bits shards: the top bits of h
};

struct DramTableUsage {
  int64_t rows = 0;         // keys present
  int64_t index_bytes = 0;  // bucket runs
  int64_t row_bytes = 0;    // touched memory of the row arena, free slots included
};

/// Growable, exact hash table h -> row of fixed width, in DRAM.
///
/// h is a mixed key (uniform 64 bits); its top shard_bits are the shard. Every shard has its own
/// run of buckets, so growth and scans act on one shard; a table under 64 k rows has one run for
/// all. Rows live apart from the buckets in segments that never move: a slot stays valid until its
/// key is erased. Buckets are addressed by multiply-high on h, so bucket order follows h.
///
/// Thread safety: any number of threads may `find`. Threads may call `find_or_insert` and `erase`
/// at the same time when no two of them touch the same shard AND shared_run() is false (callers
/// split sorted keys at shard borders, see splittable()). Everything else is exclusive.
/// Memory: throws Error{resource} when the system refuses memory.
class DramTable {
 public:
  explicit DramTable(const DramTableConfig& config);
  ~DramTable();
  DramTable(DramTable&&) noexcept;
  DramTable& operator=(DramTable&&) noexcept;

  /// slots[i] <- slot of hashes[i], or kNoSlot.
  void find(std::span<const uint64_t> hashes, std::span<int64_t> slots) const;

  /// slots[i] <- slot of hashes[i]; absent keys get a fresh zeroed row and their positions i are
  /// appended to `created` in order. hashes are distinct.
  void find_or_insert(std::span<const uint64_t> hashes, std::span<int64_t> slots,
                      std::vector<int64_t>& created);

  /// Removes keys; returns how many were present. Freed slots are reused.
  int64_t erase(std::span<const uint64_t> hashes);

  /// Grows, if need be, so that `more` insertions cause no growth in between. Exclusive.
  void reserve(int64_t more);

  /// Calls visit(h, slot) for every key of `shard`, ascending in h.
  template <class F>
  void scan(int shard, F&& visit) const;  // defined in the .h by the owner of this room

  kernels::RowsRef rows() const;
  int shards() const;
  int64_t size() const;
  /// True when several shards share one run: then only one thread may insert or erase.
  bool shared_run() const;
  DramTableUsage usage() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace strata::storage
