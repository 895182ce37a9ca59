#pragma once
// How RocksDB is set up: point look-ups of fixed-width rows within a bound on memory.

#include <rocksdb/cache.h>
#include <rocksdb/listener.h>
#include <rocksdb/options.h>
#include <rocksdb/statistics.h>
#include <rocksdb/write_buffer_manager.h>

#include <atomic>
#include <memory>

#include "storage/ssd_database.h"

namespace strata::storage {

/// A file of sorted rows, and what a loader gives to RocksDB at a time.
inline constexpr uint64_t kSstBytes = 64 << 20;

/// How SsdConfig::memory is divided.
struct SsdMemory {
  explicit SsdMemory(int64_t bytes);

  std::shared_ptr<rocksdb::Cache> cache;  // blocks, filters, index, table readers
  std::shared_ptr<rocksdb::WriteBufferManager> write_buffers;  // memtables
  int max_open_files = 0;
};

/// Whether RocksDB still writes.
class SsdHealth final : public rocksdb::EventListener {
 public:
  bool writable() const { return writable_; }
  void OnBackgroundError(rocksdb::BackgroundErrorReason reason, rocksdb::Status* status) override;
  void OnErrorRecoveryEnd(const rocksdb::BackgroundErrorRecoveryInfo& info) override;

 private:
  std::atomic<bool> writable_{true};
};

rocksdb::DBOptions ssd_options(const SsdConfig& config, const SsdMemory& memory, rocksdb::Env* env,
                               std::shared_ptr<SsdHealth> health);
rocksdb::ColumnFamilyOptions ssd_family_options(const SsdMemory& memory);

}  // namespace strata::storage
