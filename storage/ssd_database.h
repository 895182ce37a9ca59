#pragma once
// The SSD tier: rows of all tables of a model in one RocksDB, within a stated amount of memory.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "storage/row_store.h"
#include "storage/ssd_faults.h"

namespace strata::storage {

struct SsdConfig {
  std::string path;                     // directory of the tier; made where it is absent
  int64_t memory = int64_t{512} << 20;  // bytes of everything RocksDB keeps; >= 64 MiB
  int64_t bytes = 0;                    // upper bound on the disk; 0: as much as there is
  bool direct_io = true;                // past the page cache, which would hide memory
  int read_threads = 16;                // requests of one read() under way; 1 … 256
  int background_threads = 2;           // flushes and compactions; 2 … 64
  SsdFaultHook fault_hook = {};         // tests only
};

enum class SsdStart {
  kFresh,    // what an earlier run left is removed
  kScratch,  // the same, and at the end the rows are removed; marker and lock stay
  kReopen,   // what an earlier run left is used, once its sidecar agrees
};

struct SsdTableConfig {
  std::string name;   // not empty
  int row_bytes = 0;  // >= 1
};

/// All tables of a database together.
struct SsdUsage {
  int64_t disk_bytes = 0;
  int64_t memory_bytes = 0;  // charged against SsdConfig::memory at this moment
  int64_t device_bytes_read = 0;
  int64_t device_bytes_written = 0;
  int64_t flush_bytes = 0;            // of them memtables
  int64_t compaction_bytes_read = 0;  //
  int64_t compaction_bytes_written = 0;
  bool writable = true;  // false after a failed background write, until it succeeds
};

struct SsdEngine;

/// Sorted rows on their way into a table, past memtables and compaction. A table may have several
/// loaders in several threads; their keys do not interleave, and nobody writes the table meanwhile.
/// Destroyed before finish(), it leaves the table as it was. The table outlives it.
class SsdLoader {
 public:
  struct Impl;
  explicit SsdLoader(std::unique_ptr<Impl> impl);
  ~SsdLoader();
  /// `hashes` ascend strictly, over all calls. Errors as RowStore::write; then start again.
  void append(std::span<const uint64_t> hashes, std::span<const std::byte> rows);
  /// The rows are in the table, in place of those with the same keys.
  void finish();

 private:
  std::unique_ptr<Impl> impl_;
};

/// One table of a database: a column family. Lives as long as the database, until it is dropped.
class SsdTable final : public RowStore {
 public:
  struct Impl;
  explicit SsdTable(std::unique_ptr<Impl> impl);
  ~SsdTable() override;

  int row_bytes() const override;
  void read(std::span<const uint64_t> hashes, std::span<std::byte> rows,
            std::span<uint8_t> found) const override;
  void write(std::span<const uint64_t> hashes, std::span<const std::byte> rows) override;
  void erase(std::span<const uint64_t> hashes) override;
  std::unique_ptr<RowSnapshot> snapshot() const override;
  RowStoreUsage usage() const override;

  std::unique_ptr<SsdLoader> load();
  /// Rewrites the rows of `range` into one sorted level: what was replaced or erased is gone from
  /// the disk, the files of the range are at most 1.5 x its rows.
  void compact(KeyRange range);
  void clear() override;

 private:
  friend class SsdDatabase;
  std::unique_ptr<Impl> impl_;
};

/// One RocksDB per model directory, one column family per table, keys in the order of h.
///
/// The directory holds `rocksdb/`, its sidecar and a marker; one process at a time has it. There is
/// no log: rows written since the last flush() are gone when the process dies, and a directory that
/// is reopened then has some of them and not others. A process that trains begins fresh, from its
/// checkpoint.
///
/// Memory: memtables within one share; filters, index blocks, table readers and cached blocks
/// within another; SsdConfig::memory is both, and a share for what RocksDB counts as neither.
/// Thread safety: as RowStore for each table; different tables have nothing to do with each other.
/// table(), drop() and clear() are exclusive.
class SsdDatabase {
 public:
  /// Throws Error{config} when the directory has other things in it or the file system no direct
  /// I/O, Error{corrupt} when it is not as it was left (kReopen; nothing is changed then),
  /// Error{missing} when there is nothing to reopen, Error{io} for the rest.
  SsdDatabase(const SsdConfig& config, SsdStart start);
  ~SsdDatabase();

  /// The table of that name, made when it is not there. Throws Error{config} when there is one with
  /// rows of another width.
  SsdTable& table(const SsdTableConfig& config);
  /// Removes a table and its files.
  void drop(std::string_view name);
  /// Names, ascending.
  std::vector<std::string> tables() const;

  /// Everything written is on the disk when this returns.
  void flush();
  /// Reads every block of every file. Throws Error{corrupt} naming the first damaged one.
  void verify();
  SsdUsage usage() const;

  /// Bytes that a database within `memory` uses once it has `disk_bytes` on the disk. The share for
  /// what RocksDB counts as nothing is there to be safe: it is not used up.
  static double expected_memory(int64_t memory, double disk_bytes);

 private:
  std::unique_ptr<SsdEngine> engine_;
  std::vector<std::unique_ptr<SsdTable>> tables_;
};

}  // namespace strata::storage
