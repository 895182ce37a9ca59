#pragma once
// What is behind SsdDatabase and its tables. The only headers that know RocksDB are this one,
// ssd_options.h and rocksdb_file_system.h; nothing outside storage/ssd_*.cc includes them.

#include <rocksdb/db.h>

#include <array>
#include <atomic>
#include <bit>
#include <cstring>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "base/folder_lock.h"
#include "storage/io_threads.h"
#include "storage/rocksdb_file_system.h"
#include "storage/ssd_database.h"
#include "storage/ssd_options.h"
#include "storage/ssd_sidecar.h"

namespace strata::storage {

/// Names in the directory of a tier.
inline constexpr std::string_view kSsdRows = "rocksdb";     // RocksDB's own
inline constexpr std::string_view kSsdLoading = "loading";  // files of loaders

/// A status of RocksDB as an Error; `doing` is "read rows of table C3", say, and `path` where.
Error ssd_error(const rocksdb::Status& status, std::string_view doing, const std::string& path);

/// h as RocksDB orders it: the most significant byte first.
class SsdKey {
 public:
  SsdKey() = default;
  explicit SsdKey(uint64_t h) : bytes_(std::bit_cast<Bytes>(__builtin_bswap64(h))) {}
  rocksdb::Slice slice() const { return {bytes_.data(), bytes_.size()}; }
  /// Throws Error{corrupt} when `key` is none of ours.
  static uint64_t decode(const rocksdb::Slice& key);

 private:
  using Bytes = std::array<char, 8>;
  static_assert(std::endian::native == std::endian::little);
  Bytes bytes_{};
};

/// A column family and the table it holds.
struct SsdFamily {
  std::string name;
  int row_bytes = 0;
  rocksdb::ColumnFamilyHandle* handle = nullptr;  // nullptr: dropped
};

struct SsdEngine {
  SsdEngine(const SsdConfig& config, SsdStart start);
  ~SsdEngine();
  SsdEngine(const SsdEngine&) = delete;
  SsdEngine& operator=(const SsdEngine&) = delete;

  /// Throws unless `status` is OK.
  void require(const rocksdb::Status& status, std::string_view doing) const;
  /// Runs a call that writes. When RocksDB has stopped writing after a failure, asks it once to go
  /// on and repeats the call: after space was freed, it does.
  template <class Call>
  void write(std::string_view doing, Call&& call) {
    rocksdb::Status status = call();
    if (!status.ok() && db->Resume().ok()) status = call();
    require(status, doing);
  }
  /// Waits for the largest memtable when all together are above their share. RocksDB's own stall
  /// never ends when the disk is full.
  void make_room();

  SsdFamily& make_family(std::string_view name, int row_bytes);
  void drop_family(SsdFamily& family);
  /// Families that hold tables, in no order.
  std::vector<SsdFamily*> live_families();

  /// Opens RocksDB in its directory.
  void open(SsdStart start);
  /// Removes what RocksDB and its sidecar have in the directory.
  void remove_rows();

  const SsdConfig config;
  const bool scratch;  // rows are removed at the end
  std::unique_ptr<FileSystem> files;
  const std::string path;  // of RocksDB's directory
  FolderLock lock;
  SsdSidecar sidecar;
  std::shared_ptr<RocksDbFileSystem> rocksdb_files;
  std::unique_ptr<rocksdb::Env> env;
  SsdMemory memory;
  std::shared_ptr<SsdHealth> health;
  IoThreads readers;
  std::unique_ptr<rocksdb::DB> db;
  rocksdb::ColumnFamilyHandle* default_family = nullptr;  // empty; RocksDB insists on it
  std::vector<std::unique_ptr<SsdFamily>> families;
  std::mutex room;
  std::atomic<int64_t> loaders{0};  // made so far: names of their files
};

}  // namespace strata::storage
