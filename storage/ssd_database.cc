#include "storage/ssd_database.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "storage/ssd_table_impl.h"

namespace strata::storage {

SsdDatabase::SsdDatabase(const SsdConfig& config, SsdStart start)
    : engine_(std::make_unique<SsdEngine>(config, start)) {}

SsdDatabase::~SsdDatabase() = default;

SsdTable& SsdDatabase::table(const SsdTableConfig& config) {
  STRATA_CHECK(!config.name.empty() && config.row_bytes >= 1, "table", config.name);
  SsdFamily* family = nullptr;
  for (SsdFamily* candidate : engine_->live_families()) {
    if (candidate->name == config.name) family = candidate;
  }
  if (family == nullptr) family = &engine_->make_family(config.name, config.row_bytes);
  if (family->row_bytes != config.row_bytes) {
    throw Error(ErrorCode::kConfig, "{}: rows of table '{}' have {} bytes, not {}",
                engine_->config.path, config.name, family->row_bytes, config.row_bytes);
  }
  for (const auto& table : tables_) {
    if (table->impl_->family == family) return *table;
  }
  auto impl = std::make_unique<SsdTable::Impl>(*engine_, family);
  tables_.push_back(std::make_unique<SsdTable>(std::move(impl)));
  return *tables_.back();
}

void SsdDatabase::drop(std::string_view name) {
  for (SsdFamily* family : engine_->live_families()) {
    if (family->name != name) continue;
    std::erase_if(tables_, [&](const auto& table) { return table->impl_->family == family; });
    engine_->drop_family(*family);
  }
}

std::vector<std::string> SsdDatabase::tables() const {
  std::vector<std::string> names;
  for (const SsdFamily* family : engine_->live_families()) names.push_back(family->name);
  std::ranges::sort(names);
  return names;
}

void SsdDatabase::flush() {
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  for (const SsdFamily* family : engine_->live_families()) handles.push_back(family->handle);
  rocksdb::FlushOptions options;
  options.allow_write_stall = true;
  engine_->write("flush", [&] { return engine_->db->Flush(options, handles); });
}

void SsdDatabase::verify() {
  engine_->require(engine_->db->VerifyChecksum(rocksdb::ReadOptions()), "verify");
}

SsdUsage SsdDatabase::usage() const {
  const auto options = engine_->db->GetDBOptions();
  const auto count = [&](rocksdb::Tickers ticker) {
    return static_cast<int64_t>(options.statistics->getTickerCount(ticker));
  };
  const SsdTraffic& traffic = engine_->rocksdb_files->traffic();
  SsdUsage usage{
      .memory_bytes = static_cast<int64_t>(engine_->memory.cache->GetUsage() +
                                           engine_->memory.write_buffers->memory_usage()),
      .device_bytes_read = traffic.bytes_read,
      .device_bytes_written = traffic.bytes_written,
      .flush_bytes = count(rocksdb::FLUSH_WRITE_BYTES),
      .compaction_bytes_read = count(rocksdb::COMPACT_READ_BYTES),
      .compaction_bytes_written = count(rocksdb::COMPACT_WRITE_BYTES),
      .writable = engine_->health->writable()};
  for (const auto& table : tables_) usage.disk_bytes += table->usage().disk_bytes;
  return usage;
}

}  // namespace strata::storage
