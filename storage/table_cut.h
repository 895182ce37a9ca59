#pragma once
// A table's rows as they were at one moment, while the table changes: copy on write, row by row.

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

#include "storage/row_store.h"

namespace strata::storage {

/// Memory for rows that changed after a cut and have not been read yet. Cuts may share it.
/// Thread-safe.
class CutReserve {
 public:
  explicit CutReserve(int64_t bytes) : bytes_(bytes) {}

  /// The most that was in use at one moment.
  int64_t peak_bytes() const;
  /// Claims that had to wait, or wait now.
  int64_t waits() const;

 private:
  friend class TableCut;
  const int64_t bytes_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;  // memory was given back, or less is needed
  int64_t used_ = 0;
  int64_t peak_ = 0;
  int64_t waits_ = 0;
};

/// One bit per slot says whether it still holds the row it held at the cut; a row that changes or
/// goes is copied first, unless its shard has been read.
///
/// Thread safety: `claim`, `settle`, `is_done` and `abandon` by any thread. `keep` and `pass` by
/// threads that change the table, at the same time for different shards only. `is_frozen`, `kept`
/// and `finish` by the one reader, while nobody is in keep or pass.
class TableCut {
 public:
  struct Source {
    int64_t slots = 0;  // those of the table are below this
    int64_t rows = 0;   // of the table, in all tiers
    int row_bytes = 0;
    int shard_bits = 0;
    std::unique_ptr<RowSnapshot> below;  // of the tier below; null: none
  };
  TableCut(Source source, std::shared_ptr<CutReserve> reserve);
  ~TableCut();
  TableCut(const TableCut&) = delete;
  TableCut& operator=(const TableCut&) = delete;

  /// Before rows of `hashes` and `others` more change or go: takes the memory that keep may need.
  /// Waits for the reader while there is not enough; a batch that needs more than the whole reserve
  /// waits until enough of its shards have been read. Returns the bytes taken, for settle().
  int64_t claim(std::span<const uint64_t> hashes, int64_t others);
  /// Gives back what keep did not use of a claim.
  void settle(int64_t claimed);

  /// The row of `slot` is about to change or to go.
  void keep(uint64_t h, int64_t slot, const std::byte* row);
  /// A row comes into `slot` that was not there at the cut.
  void pass(int64_t slot);

  /// True while the slot holds the row it held at the cut.
  bool is_frozen(int64_t slot) const {
    return slot < source_.slots &&
           (bits_[slot / 64].load(std::memory_order_relaxed) & bit(slot)) == 0;
  }
  /// Rows kept of a shard: [n, 8 + row_bytes], h before each row, in no order.
  std::span<const std::byte> kept(int shard) const { return shards_[shard].kept; }
  bool is_done(int shard) const { return shards_[shard].done.load(std::memory_order_acquire); }
  /// The shard has been read.
  void finish(int shard);
  /// Nothing more will be read.
  void abandon();

  const RowSnapshot* below() const { return source_.below.get(); }
  int64_t rows() const { return source_.rows; }
  size_t entry_bytes() const { return sizeof(uint64_t) + static_cast<size_t>(source_.row_bytes); }

 private:
  struct Shard {
    std::atomic<bool> done{false};
    std::vector<std::byte> kept;
  };
  static uint64_t bit(int64_t slot) { return uint64_t{1} << (slot % 64); }
  int shard_of(uint64_t h) const;
  int shards() const { return 1 << source_.shard_bits; }
  int64_t needed(std::span<const uint64_t> hashes, int64_t others) const;

  Source source_;
  std::shared_ptr<CutReserve> reserve_;
  std::unique_ptr<std::atomic<uint64_t>[]> bits_;
  std::unique_ptr<Shard[]> shards_;
  std::atomic<int> left_;              // shards not done
  std::atomic<int64_t> unsettled_{0};  // bytes that keep took out of claims
};

}  // namespace strata::storage
