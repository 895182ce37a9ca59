#include "storage/ssd_options.h"

#include <rocksdb/file_checksum.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/sst_file_manager.h>
#include <rocksdb/table.h>

#include <algorithm>
#include <utility>

namespace strata::storage {
namespace {

constexpr int64_t kMiB = 1 << 20;
constexpr size_t kBlockBytes = 4096;
constexpr double kFilterBits = 10;

/// RocksDB's log says nothing that its statuses do not.
class NoLog final : public rocksdb::Logger {
 public:
  NoLog() : Logger(rocksdb::FATAL_LEVEL) {}
  using Logger::Logv;
  void Logv(const char* /*format*/, va_list /*arguments*/) override {}
};

/// Memtables of all families. They are not charged to the cache: glibc keeps for its threads what
/// the cache gave back, so that the two together would have what each had at its largest.
int64_t memtable_bytes(int64_t memory) { return memory / 4; }

/// What RocksDB charges to neither: buffers of compactions and of direct I/O, what open files hold,
/// and the allocator's own share.
int64_t uncharged_bytes(int64_t memory) { return 24 * kMiB + memory / 10; }

}  // namespace

double SsdDatabase::expected_memory(int64_t memory, double disk_bytes) {
  constexpr double kUsed = 1.0 / 3;  // of what is set aside for the uncharged; bench/README.md
  const auto uncharged = static_cast<double>(uncharged_bytes(memory));
  const double charged = static_cast<double>(memory) - uncharged;
  return std::min(charged, static_cast<double>(memtable_bytes(memory)) + disk_bytes) +
         kUsed * uncharged;
}

namespace {

rocksdb::BlockBasedTableOptions table_options(const SsdMemory& memory) {
  rocksdb::BlockBasedTableOptions options;
  options.block_cache = memory.cache;
  // One row a read: the smallest block that a device reads at full rate, aligned so that it is one
  // page and not two. Rows do not compress, and padding costs less than half a row a block.
  options.block_size = kBlockBytes;
  options.block_align = true;
  // The newest format of this version; XXH3 costs a tenth of CRC32 without hardware for it.
  options.format_version = 5;
  options.checksum = rocksdb::kXXH3;
  // Filters and index live in the cache, so that they are bounded, in pieces of a block each, so
  // that a miss costs one read; they go last, and their small top levels stay.
  options.cache_index_and_filter_blocks = true;
  options.cache_index_and_filter_blocks_with_high_priority = true;
  options.index_type = rocksdb::BlockBasedTableOptions::kTwoLevelIndexSearch;
  options.partition_filters = true;
  options.metadata_block_size = kBlockBytes;
  options.metadata_cache_options.top_level_index_pinning = rocksdb::PinningTier::kAll;
  // Keys that training sees for the first time are asked for too: 1 % of them cost a read. Ribbon
  // takes 30 % less memory than Bloom at that rate.
  options.filter_policy.reset(rocksdb::NewRibbonFilterPolicy(kFilterBits));
  // Within a block a hash finds the key: one byte a row for a third less time.
  options.data_block_index_type =
      rocksdb::BlockBasedTableOptions::DataBlockIndexType::kDataBlockBinaryAndHash;
  // Everything that can be charged to the cache is.
  using Role = rocksdb::CacheEntryRole;
  for (const Role role :
       {Role::kFilterConstruction, Role::kBlockBasedTableReader, Role::kFileMetadata}) {
    options.cache_usage_options.options_overrides[role].charged =
        rocksdb::CacheEntryRoleOptions::Decision::kEnabled;
  }
  return options;
}

}  // namespace

SsdMemory::SsdMemory(int64_t bytes)
    : cache([&] {
        rocksdb::LRUCacheOptions options;
        options.capacity =
            static_cast<size_t>(bytes - memtable_bytes(bytes) - uncharged_bytes(bytes));
        // 16 shards: those of a small cache still hold the 256 KiB by which RocksDB charges.
        options.num_shard_bits = 4;
        // Strict would turn a full cache into failing reads. What is in use at one moment is a few
        // blocks a thread, and everything else is evicted.
        options.strict_capacity_limit = false;
        options.high_pri_pool_ratio = 0.8;  // filters and index before rows, which DRAM caches
        return rocksdb::NewLRUCache(options);
      }()),
      write_buffers(std::make_shared<rocksdb::WriteBufferManager>(
          static_cast<size_t>(memtable_bytes(bytes)))),
      max_open_files(static_cast<int>(std::clamp<int64_t>(bytes / (kMiB / 4), 128, 8192))) {}

void SsdHealth::OnBackgroundError(rocksdb::BackgroundErrorReason /*reason*/,
                                  rocksdb::Status* /*status*/) {
  writable_ = false;
}

void SsdHealth::OnErrorRecoveryEnd(const rocksdb::BackgroundErrorRecoveryInfo& info) {
  if (info.new_bg_error.ok()) writable_ = true;
}

rocksdb::DBOptions ssd_options(const SsdConfig& config, const SsdMemory& memory, rocksdb::Env* env,
                               std::shared_ptr<SsdHealth> health) {
  rocksdb::DBOptions options;
  options.env = env;
  options.info_log = std::make_shared<NoLog>();
  options.write_buffer_manager = memory.write_buffers;
  options.max_open_files = memory.max_open_files;
  options.max_background_jobs = config.background_threads;
  options.max_subcompactions = 1;  // more would multiply the buffers
  options.use_direct_reads = config.direct_io;
  options.use_direct_io_for_flush_and_compaction = config.direct_io;
  // A compaction reads all its files at once: this much each.
  options.compaction_readahead_size = 512 << 10;
  options.writable_file_max_buffer_size = 1 << 20;
  options.sst_file_manager.reset(rocksdb::NewSstFileManager(env));
  if (config.bytes > 0) {
    options.sst_file_manager->SetMaxAllowedSpaceUsage(static_cast<uint64_t>(config.bytes));
  }
  options.listeners.push_back(std::move(health));
  options.statistics = rocksdb::CreateDBStatistics();
  options.statistics->set_stats_level(rocksdb::StatsLevel::kExceptHistogramOrTimers);
  options.stats_dump_period_sec = 0;  // nobody reads the log
  options.stats_persist_period_sec = 0;
  // Checks of what RocksDB itself does: on where they do not read everything once more.
  options.paranoid_checks = true;
  options.flush_verify_memtable_count = true;
  options.verify_sst_unique_id_in_manifest = true;
  options.track_and_verify_wals_in_manifest = true;
  options.file_checksum_gen_factory = rocksdb::GetFileChecksumGenCrc32cFactory();
  // Rows that were not flushed may go with the process: flush() is explicit.
  options.avoid_flush_during_shutdown = true;
  return options;
}

rocksdb::ColumnFamilyOptions ssd_family_options(const SsdMemory& memory) {
  rocksdb::ColumnFamilyOptions options;
  options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table_options(memory)));
  options.compression = rocksdb::kNoCompression;  // weights do not compress; blocks are aligned
  // One table may use half of the share of all memtables while the other half is being flushed.
  options.write_buffer_size = memory.write_buffers->buffer_size() / 2;
  options.max_write_buffer_number = 4;
  // Many small tables share the memory: an idle one holds a block of this, and no filter.
  options.arena_block_size = 32 << 10;
  // Leveled, each level a tenth of the next, sized from the last: space is 1.1 x the live rows.
  options.compaction_style = rocksdb::kCompactionStyleLevel;
  options.level_compaction_dynamic_level_bytes = true;
  options.target_file_size_base = kSstBytes;
  options.max_bytes_for_level_base = 4 * kSstBytes;
  options.ttl = 0;  // no compaction because of the clock
  options.force_consistency_checks = true;
  return options;
}

}  // namespace strata::storage
