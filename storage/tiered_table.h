#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "base/fields.h"
#include "storage/dram_table.h"
#include "storage/row_store.h"
#include "storage/table_cut.h"

namespace strata::storage {

/// Which rows leave DRAM first, among a part of the table looked at in turn.
enum class Eviction : uint8_t {
  kLru,    // used longest ago
  kLfu,    // used by fewest batches since it came into DRAM
  kScore,  // least of the sum over uses of 2^-(age / half-life): between the two
};

/// Shards first … first + count - 1.
struct ShardRange {
  int first = 0;
  int count = 1;
};

struct TieredTableConfig {
  int row_bytes = 0;
  int shard_bits = 10;
  Eviction eviction = Eviction::kLru;
  int64_t half_life = 256;  // batches; of kScore
  bool changes = true;      // false: rows are never written in place, so the store has them already
};

/// What was asked of the tiers, in keys.
struct TierCounts {
  int64_t hits = 0;     // in DRAM when their batch needed them
  int64_t misses = 0;   // not in DRAM then
  int64_t ahead = 0;    // fetched from the store before their batch needed them
  int64_t fetched = 0;  // fetched when it did
  int64_t evicted = 0;  // rows that left DRAM
  int64_t written = 0;  // of these, written to the store
};

/// What of a batch the table may do.
struct BatchHold {
  uint32_t ticket = 0;             // rises from batch to batch, from 1
  uint32_t oldest = 0;             // rows of batches from this one on are in use and stay
  int64_t room_bytes = INT64_MAX;  // by which DRAM may grow for this batch
};

/// Rows in DRAM that a batch will change.
struct ChangingRows {
  std::span<const uint64_t> hashes;
  std::span<const int64_t> slots;    // of hashes
  std::span<const int64_t> created;  // positions of slots whose rows are new
};

/// Rows of some keys that are not in DRAM.
struct RowsBelow {
  std::vector<int64_t> places;  // ascending, of the keys asked for
  std::vector<std::byte> rows;  // [places, row_bytes]
};

/// A table in DRAM over a store: whole rows, state included, move between them, and DRAM holds the
/// newest. Without a store it is the DRAM table alone.
///
/// With a store DRAM is a write-back cache. A row used by a batch in flight is never evicted, and a
/// changed one reaches the store before it leaves. Which row is evicted changes no row.
/// Tiers are walked here alone: by `hold` for a batch that trains, by `find` for one that reads.
///
/// Thread safety: with a store all members but `clear` and moves may be called at the same time;
/// dram() then serves only rows(), whose slots are good from `hold` until the batch is no longer in
/// flight. Without a store dram() is used as its own comment says, and the rest is exclusive.
/// Errors: those of DramTable and RowStore. Every row is then as it was, wherever it now is.
class TieredTable {
  struct Impl;

 public:
  /// What the cache knows of a row in DRAM, in bytes.
  static constexpr int kKnownBytes = 8;
  /// Of all rows, so many, in DRAM.
  static double planned_bytes(double rows);

  /// `store` may be null; its row_bytes are the table's; it is empty and outlives the table.
  TieredTable(const TieredTableConfig& config, RowStore* store);
  ~TieredTable();
  TieredTable(TieredTable&&) noexcept;
  TieredTable& operator=(TieredTable&&) noexcept;

  bool tiered() const;
  DramTable& dram();
  const DramTable& dram() const;

  /// Brings the rows of `hashes`, ascending, into DRAM and holds them there for the batch: slots[i]
  /// <- slot of hashes[i]. Keys that no tier has get zeroed rows; their positions are appended to
  /// `created`, in order. Makes room by eviction where the batch's room is not enough. Needs a
  /// store. Throws Error{resource} when the rows in flight alone need more; then, and when the
  /// store fails, no key is created.
  void hold(const BatchHold& batch, std::span<const uint64_t> hashes, std::span<int64_t> slots,
            std::vector<int64_t>& created);

  /// Brings rows of `hashes`, ascending, that the store has into DRAM before their batch needs
  /// them, and keeps those that are there. Makes no row and changes none; does nothing where the
  /// batch would take more than a quarter of the cache, and stops where nothing may leave. The
  /// store is read without a lock.
  void fetch_ahead(const BatchHold& batch, std::span<const uint64_t> hashes);

  /// While the lock lives, fetch_ahead of other threads waits: slots of `find` stay good.
  std::unique_lock<std::mutex> pause_fetching() const;

  /// slots[i] <- slot of hashes[i] in DRAM, or kNoSlot; rows that only the store has go to `below`.
  /// Moves nothing.
  void find(std::span<const uint64_t> hashes, std::span<int64_t> slots, RowsBelow& below) const;

  /// Visits every row of some shards, ascending in h, each in its newest form.
  void scan(ShardRange shards, const RowVisitor& visit) const;

  /// Freezes the rows as they are, in all tiers. Between batches; one cut at a time.
  void begin_cut(std::shared_ptr<CutReserve> reserve);
  /// Visits every row of some shards as it was at begin_cut, ascending in h, while the table is
  /// used and changed. One thread; each shard once. Memory: the rows of one shard.
  void scan_cut(ShardRange shards, const RowVisitor& visit);
  /// Rows of the table at begin_cut.
  int64_t cut_rows() const;
  /// Any thread; waits for none.
  void end_cut();

  /// What makes rows of a batch safe to change though a cut may be read. Where there is no store
  /// the caller has it locked from before it inserts until it has called `keep`.
  class Change {
   public:
    /// Of rows of `hashes` and `others` more.
    Change(Impl& table, std::span<const uint64_t> hashes, int64_t others);
    ~Change();
    Change(Change&&) noexcept = default;
    Change& operator=(Change&&) = delete;
    void lock();

   private:
    Impl* table_;
    std::shared_ptr<TableCut> cut_;
    int64_t claimed_ = 0;
    std::unique_lock<std::shared_mutex> lock_;
  };
  /// Of the rows of `hashes`. May wait for the reader of the cut, as TableCut::claim: the thread
  /// has no Change locked.
  Change begin_change(std::span<const uint64_t> hashes);
  /// Rows are about to change. Threads may call it at the same time for different shards.
  void keep(const ChangingRows& rows);

  /// Puts whole rows [n, row_bytes] under hashes [n], ascending, replacing those that are there.
  /// With a store new rows go there.
  void put(std::span<const uint64_t> hashes, std::span<const std::byte> rows);

  /// Removes keys, ascending, from every tier; returns how many were present.
  int64_t erase(std::span<const uint64_t> hashes);

  /// Removes all rows.
  void clear();

  /// Keys present, wherever.
  int64_t size() const;
  /// Of DRAM; what the cache knows of its rows counts to the index.
  DramTableUsage dram_usage() const;
  TierCounts counts() const;

 private:
  int64_t erase_from_dram(std::span<const uint64_t> hashes);

  std::unique_ptr<Impl> impl_;
};

}  // namespace strata::storage

template <>
struct strata::EnumNames<strata::storage::Eviction> {
  using enum strata::storage::Eviction;
  static constexpr std::pair<strata::storage::Eviction, std::string_view> kNames[] = {
      {kLru, "lru"}, {kLfu, "lfu"}, {kScore, "score"}};
};
