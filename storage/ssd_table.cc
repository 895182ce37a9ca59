// SsdTable: rows of one column family.

#include <algorithm>
#include <array>
#include <atomic>
#include <utility>

#include <rocksdb/write_batch.h>

#include "base/check.h"
#include "storage/ssd_database.h"
#include "storage/ssd_table_impl.h"

namespace strata::storage {
namespace {

constexpr int64_t kSliceKeys = 32;        // of one MultiGet: what RocksDB takes at once
constexpr int64_t kBatchBytes = 1 << 20;  // of one write: memtables exceed their share by no more
constexpr size_t kProtectionBytes = 8;    // a checksum for each row from here to the memtable

void check_ascending(std::span<const uint64_t> hashes) {
  STRATA_DCHECK(std::ranges::adjacent_find(hashes, std::greater_equal<>()) == hashes.end(),
                "hashes ascend strictly");
  (void)hashes;
}

rocksdb::WriteOptions write_options() {
  rocksdb::WriteOptions options;
  options.disableWAL = true;  // rows of a process that dies are rebuilt from its checkpoint
  return options;
}

/// The rows of a table at one moment.
class SsdSnapshot final : public RowSnapshot {
 public:
  SsdSnapshot(SsdEngine& engine, const SsdTable::Impl& table)
      : engine_(engine), table_(table), snapshot_(engine.db->GetSnapshot()) {}
  ~SsdSnapshot() override { engine_.db->ReleaseSnapshot(snapshot_); }

  void scan(KeyRange keys, const RowVisitor& visit) const override {
    const SsdKey first(keys.first);
    const SsdKey end(keys.last + 1);
    const bool last = keys.last == KeyRange{}.last;
    const rocksdb::Slice limit = end.slice();
    rocksdb::ReadOptions options;
    options.snapshot = snapshot_;
    options.fill_cache = false;  // every row once
    options.readahead_size = 1 << 20;
    if (!last) options.iterate_upper_bound = &limit;
    const std::unique_ptr<rocksdb::Iterator> rows(
        engine_.db->NewIterator(options, table_.family->handle));
    for (rows->Seek(first.slice()); rows->Valid(); rows->Next()) {
      const rocksdb::Slice row = rows->value();
      table_.check_width(row);
      visit(SsdKey::decode(rows->key()), std::as_bytes(std::span(row.data(), row.size())));
    }
    engine_.require(rows->status(), table_.doing("scan"));
  }

 private:
  SsdEngine& engine_;
  const SsdTable::Impl& table_;
  const rocksdb::Snapshot* snapshot_;
};

}  // namespace

std::string SsdTable::Impl::doing(std::string_view what) const {
  return fmt::format("{} table '{}'", what, family->name);
}

void SsdTable::Impl::check_width(const rocksdb::Slice& row) const {
  if (static_cast<int>(row.size()) == family->row_bytes) return;
  throw Error(ErrorCode::kCorrupt, "{}: a row of table '{}' has {} bytes, not {}", engine.path,
              family->name, row.size(), family->row_bytes);
}

int64_t SsdTable::Impl::read_slice(std::span<const uint64_t> hashes, std::byte* rows,
                                   uint8_t* found) const {
  std::array<SsdKey, kSliceKeys> keys;
  std::array<rocksdb::Slice, kSliceKeys> slices;
  std::array<rocksdb::PinnableSlice, kSliceKeys> values;
  std::array<rocksdb::Status, kSliceKeys> statuses;
  const size_t n = hashes.size();
  for (size_t i = 0; i < n; ++i) {
    keys[i] = SsdKey(hashes[i]);
    slices[i] = keys[i].slice();
  }
  engine.db->MultiGet(rocksdb::ReadOptions(), family->handle, n, slices.data(), values.data(),
                      statuses.data(), /*sorted_input=*/true);
  int64_t hits = 0;
  const auto row_bytes = static_cast<size_t>(family->row_bytes);
  for (size_t i = 0; i < n; ++i) {
    found[i] = statuses[i].ok() ? 1 : 0;
    if (statuses[i].IsNotFound()) continue;
    engine.require(statuses[i], doing("read"));
    check_width(values[i]);
    std::memcpy(rows + i * row_bytes, values[i].data(), row_bytes);
    ++hits;
  }
  return hits;
}

template <class Put>
void SsdTable::Impl::change(size_t count, std::string_view what, Put&& put) {
  const auto each = static_cast<size_t>(
      std::max<int64_t>(1, kBatchBytes / (family->row_bytes + int64_t{sizeof(SsdKey)})));
  const rocksdb::WriteOptions options = write_options();
  for (size_t at = 0; at < count; at += each) {
    const size_t end = std::min(count, at + each);
    rocksdb::WriteBatch batch(0, 0, kProtectionBytes, 0);
    for (size_t i = at; i < end; ++i) engine.require(put(batch, i), doing(what));
    engine.make_room();
    engine.write(doing(what), [&] { return engine.db->Write(options, &batch); });
  }
}

SsdTable::SsdTable(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
SsdTable::~SsdTable() = default;

int SsdTable::row_bytes() const { return impl_->family->row_bytes; }

void SsdTable::read(std::span<const uint64_t> hashes, std::span<std::byte> rows,
                    std::span<uint8_t> found) const {
  const auto width = static_cast<size_t>(row_bytes());
  STRATA_CHECK(rows.size() == hashes.size() * width && found.size() == hashes.size(), "read");
  check_ascending(hashes);
  const auto n = static_cast<int64_t>(hashes.size());
  impl_->engine.readers.run((n + kSliceKeys - 1) / kSliceKeys, [&](int64_t slice) {
    const auto at = static_cast<size_t>(slice * kSliceKeys);
    const size_t count = std::min(hashes.size() - at, size_t{kSliceKeys});
    impl_->hits +=
        impl_->read_slice(hashes.subspan(at, count), rows.data() + at * width, found.data() + at);
  });
  impl_->reads += n;
}

void SsdTable::write(std::span<const uint64_t> hashes, std::span<const std::byte> rows) {
  const auto width = static_cast<size_t>(row_bytes());
  STRATA_CHECK(rows.size() == hashes.size() * width, "write");
  check_ascending(hashes);
  const char* bytes = reinterpret_cast<const char*>(rows.data());
  impl_->change(hashes.size(), "write", [&](rocksdb::WriteBatch& batch, size_t i) {
    return batch.Put(impl_->family->handle, SsdKey(hashes[i]).slice(), {bytes + i * width, width});
  });
  impl_->written += static_cast<int64_t>(hashes.size());
}

void SsdTable::erase(std::span<const uint64_t> hashes) {
  check_ascending(hashes);
  impl_->change(hashes.size(), "erase from", [&](rocksdb::WriteBatch& batch, size_t i) {
    return batch.Delete(impl_->family->handle, SsdKey(hashes[i]).slice());
  });
}

std::unique_ptr<RowSnapshot> SsdTable::snapshot() const {
  return std::make_unique<SsdSnapshot>(impl_->engine, *impl_);
}

RowStoreUsage SsdTable::usage() const {
  const auto property = [&](const std::string& name) {
    uint64_t value = 0;
    impl_->engine.db->GetIntProperty(impl_->family->handle, name, &value);
    return static_cast<int64_t>(value);
  };
  using Properties = rocksdb::DB::Properties;
  const int64_t width = row_bytes();
  return {.disk_bytes = property(Properties::kTotalSstFilesSize),
          .memory_bytes = property(Properties::kCurSizeAllMemTables) +
                          property(Properties::kEstimateTableReadersMem),
          .reads = impl_->reads,
          .hits = impl_->hits,
          .bytes_read = impl_->hits * width,
          .bytes_written = impl_->written * width};
}

void SsdTable::compact(KeyRange range) {
  const SsdKey first(range.first);
  const SsdKey last(range.last);
  const rocksdb::Slice begin = first.slice();
  const rocksdb::Slice end = last.slice();
  rocksdb::CompactRangeOptions options;
  options.exclusive_manual_compaction = false;
  // Also what lies in the last level already: erased rows are to be gone from there.
  options.bottommost_level_compaction = rocksdb::BottommostLevelCompaction::kForceOptimized;
  impl_->engine.write(impl_->doing("compact"), [&] {
    return impl_->engine.db->CompactRange(options, impl_->family->handle, &begin, &end);
  });
}

void SsdTable::clear() {
  const std::string name = impl_->family->name;
  const int width = row_bytes();
  impl_->engine.drop_family(*impl_->family);
  impl_->family = &impl_->engine.make_family(name, width);
}

}  // namespace strata::storage
