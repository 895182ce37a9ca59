#pragma once
// The contract of a tier below DRAM: h -> row of fixed width, on a device that is slow to reach and
// fast in batches.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>

namespace strata::storage {

/// What a store has and what was asked of it since it was opened.
struct RowStoreUsage {
  int64_t disk_bytes = 0;     // of its files
  int64_t memory_bytes = 0;   // rows on their way to the device, and what describes those on it
  int64_t reads = 0;          // keys asked for
  int64_t hits = 0;           // of them present
  int64_t bytes_read = 0;     // of rows found: hits * row_bytes
  int64_t bytes_written = 0;  // of rows given to write()
};

/// Keys first … last, both included.
struct KeyRange {
  uint64_t first = 0;
  uint64_t last = ~uint64_t{0};
};

/// Called with every row of a scan; `row` is valid during the call.
using RowVisitor = std::function<void(uint64_t h, std::span<const std::byte> row)>;

/// The rows of a store at one moment. Keeps alive what it shows; costs space while it lives.
/// Any number of threads may scan. The store outlives it.
class RowSnapshot {
 public:
  virtual ~RowSnapshot() = default;
  RowSnapshot() = default;
  RowSnapshot(const RowSnapshot&) = delete;
  RowSnapshot& operator=(const RowSnapshot&) = delete;

  /// Visits every row of `keys`, ascending in h.
  virtual void scan(KeyRange keys, const RowVisitor& visit) const = 0;
};

/// Rows of one table, by h.
///
/// `hashes` ascend strictly; every value of 64 bits is a key. `rows` is [hashes.size(), row_bytes].
/// A batch may be empty.
///
/// Thread safety: any number of threads may read, take snapshots and scan while one thread writes
/// or erases. A read sees of a concurrent write each row old or new, never a mixture.
/// Errors: Error{io} when the device fails or is full, Error{corrupt} when a row on it is damaged
/// (never a wrong row), each naming the path. After an error of write or erase each row of the call
/// is as before or as asked; all other rows are untouched, and the call may be repeated.
class RowStore {
 public:
  virtual ~RowStore() = default;
  RowStore() = default;
  RowStore(const RowStore&) = delete;
  RowStore& operator=(const RowStore&) = delete;

  virtual int row_bytes() const = 0;

  /// found[i] <- 1 and row i of `rows` <- the row of hashes[i]; or found[i] <- 0, row i untouched.
  virtual void read(std::span<const uint64_t> hashes, std::span<std::byte> rows,
                    std::span<uint8_t> found) const = 0;
  /// Inserts or replaces whole rows.
  virtual void write(std::span<const uint64_t> hashes, std::span<const std::byte> rows) = 0;
  /// Removes keys; those that are absent are no error.
  virtual void erase(std::span<const uint64_t> hashes) = 0;
  /// Removes all rows. Exclusive.
  virtual void clear() = 0;

  virtual std::unique_ptr<RowSnapshot> snapshot() const = 0;
  virtual RowStoreUsage usage() const = 0;

  /// Visits every row of `keys` as of this call, ascending in h.
  void scan(KeyRange keys, const RowVisitor& visit) const { snapshot()->scan(keys, visit); }
};

}  // namespace strata::storage
