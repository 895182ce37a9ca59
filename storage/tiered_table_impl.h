#pragma once
// What a TieredTable knows; an implementation detail of tiered_table*.cc.

#include <algorithm>
#include <cstdint>
#include <mutex>
#include <shared_mutex>
#include <span>
#include <vector>

#include "base/check.h"
#include "storage/slot_states.h"
#include "storage/tiered_table.h"

namespace strata::storage {

inline constexpr int64_t kRowsPerPiece = 4096;  // read or written at once: bounds the buffers

/// Splits [0, count) into pieces of at most kRowsPerPiece.
template <class Body>
void in_pieces(int64_t count, Body&& body) {
  for (int64_t begin = 0; begin < count; begin += kRowsPerPiece) {
    body(begin, std::min(count, begin + kRowsPerPiece));
  }
}

/// The keys of shards first … first + count - 1, of 2^shard_bits.
inline KeyRange keys_of_shards(ShardRange shards, int shard_bits) {
  const int shift = 64 - shard_bits;
  const auto first_of = [&](int shard) {
    return shift == 64 ? 0 : static_cast<uint64_t>(shard) << shift;
  };
  const int end = shards.first + shards.count;
  return {.first = first_of(shards.first),
          .last = end == 1 << shard_bits ? ~uint64_t{0} : first_of(end) - 1};
}

struct TieredTable::Impl {
  Impl(const TieredTableConfig& table_config, RowStore* row_store)
      : config(table_config),
        store(row_store),
        dram({.row_bytes = config.row_bytes,
              .shard_bits = config.shard_bits,
              .one_free_list = store != nullptr}) {
    STRATA_CHECK(!store || store->row_bytes() == config.row_bytes, "the store is of another table",
                 config.row_bytes);
  }

  float aged_score(const SlotState& state, uint32_t ticket) const;
  void touch(SlotState& state, uint32_t ticket) const;
  int64_t lacking(const BatchHold& batch, int64_t rows) const;
  void make_room(const BatchHold& batch, int64_t rows);
  void evict(std::vector<KeySlot> leaving);
  std::vector<KeySlot> victims(const BatchHold& batch, int64_t rows);
  void write_back(std::span<const KeySlot> rows);
  void forget(std::span<const KeySlot> rows);
  void keep(uint64_t h, int64_t slot);
  std::vector<std::byte> frozen_rows(int shard);
  void note_changed(std::span<const uint64_t> hashes);
  std::vector<uint64_t> absent_ahead(const BatchHold& batch, std::span<const uint64_t> hashes);
  bool read_ahead(const BatchHold& batch, std::span<const uint64_t> hashes);
  bool take_ahead(const BatchHold& batch, std::span<const uint64_t> hashes,
                  std::span<const std::byte> rows);
  void insert(const BatchHold& batch, std::span<const uint64_t> absent, std::span<int64_t> slots);
  void fetch(std::span<const uint64_t> absent, std::span<const int64_t> slots,
             std::vector<uint8_t>& found);
  /// Locked where another thread may change the table.
  std::shared_lock<std::shared_mutex> reading() const {
    return store ? std::shared_lock(mutex) : std::shared_lock<std::shared_mutex>();
  }
  std::unique_lock<std::shared_mutex> writing() const {
    return store ? std::unique_lock(mutex) : std::unique_lock<std::shared_mutex>();
  }
  /// Of the index: what a key costs at most while runs grow, each by a seventh.
  static constexpr int64_t kMostIndexBytes = 32;
  int64_t row_cost() const {
    return config.row_bytes + kMostIndexBytes + static_cast<int64_t>(sizeof(SlotState));
  }

  TieredTableConfig config;
  RowStore* store;
  DramTable dram;
  SlotStates states;
  static_assert(sizeof(SlotState) == kKnownBytes);
  int64_t below = 0;  // keys of the store
  int64_t both = 0;   // of these, in DRAM too
  size_t hand = 0;    // run that eviction looked at last
  TierCounts counts;
  bool reading_ahead = false;       // rows are read from the store without the lock,
  std::vector<uint64_t> changed;    // and these keys changed in the store or left DRAM meanwhile
  std::shared_ptr<TableCut> cut;    // null: no cut is read
  mutable std::mutex ahead;         // held by the thread that fetches ahead
  mutable std::shared_mutex mutex;  // of all above, where there is a store
};

}  // namespace strata::storage
