// Rows as they were at a cut, while the table goes on.

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "storage/tiered_table_impl.h"

namespace strata::storage {
namespace {

/// Rows with h before each, ascending in h, each key once.
class SortedEntries {
 public:
  /// Of `bytes`, [n, entry_bytes]; entries of one key are equal.
  SortedEntries(std::span<const std::byte> bytes, size_t entry_bytes) : entry_bytes_(entry_bytes) {
    entries_.reserve(bytes.size() / entry_bytes);
    for (size_t at = 0; at < bytes.size(); at += entry_bytes) {
      Entry entry{.h = 0, .row = bytes.data() + at + sizeof entry.h};
      std::memcpy(&entry.h, bytes.data() + at, sizeof entry.h);
      entries_.push_back(entry);
    }
    std::ranges::sort(entries_, {}, &Entry::h);
    const auto same = std::ranges::unique(entries_, {}, &Entry::h);
    entries_.erase(same.begin(), same.end());
  }
  bool valid() const { return at_ < entries_.size(); }
  uint64_t h() const { return entries_[at_].h; }
  /// Visits the row and goes on to the next.
  void show(const RowVisitor& visit) {
    visit(h(), {entries_[at_].row, entry_bytes_ - sizeof(uint64_t)});
    ++at_;
  }

 private:
  struct Entry {
    uint64_t h;
    const std::byte* row;
  };
  size_t entry_bytes_;
  std::vector<Entry> entries_;
  size_t at_ = 0;
};

}  // namespace

void TieredTable::begin_cut(std::shared_ptr<CutReserve> reserve) {
  Impl& impl = *impl_;
  const int64_t rows = size();
  const std::unique_lock lock(impl.mutex);
  STRATA_CHECK(!impl.cut, "one cut at a time");
  impl.cut = std::make_shared<TableCut>(
      TableCut::Source{.slots = impl.dram.slots(),
                       .rows = rows,
                       .row_bytes = impl.config.row_bytes,
                       .shard_bits = impl.config.shard_bits,
                       .below = impl.store ? impl.store->snapshot() : nullptr},
      std::move(reserve));
}

int64_t TieredTable::cut_rows() const {
  const std::shared_lock lock(impl_->mutex);
  STRATA_CHECK(impl_->cut, "no cut");
  return impl_->cut->rows();
}

void TieredTable::end_cut() {
  const std::unique_lock lock(impl_->mutex);
  if (!impl_->cut) return;
  impl_->cut->abandon();
  impl_->cut.reset();
}

void TieredTable::scan_cut(ShardRange shards, const RowVisitor& visit) {
  Impl& impl = *impl_;
  STRATA_CHECK(impl.cut, "no cut");
  const size_t entry_bytes = impl.cut->entry_bytes();
  for (int shard = shards.first; shard < shards.first + shards.count; ++shard) {
    STRATA_CHECK(!impl.cut->is_done(shard), "each shard once", shard);
    const std::vector<std::byte> frozen = impl.frozen_rows(shard);
    SortedEntries next(frozen, entry_bytes);
    if (const RowSnapshot* below = impl.cut->below()) {
      below->scan(keys_of_shards({shard, 1}, impl.config.shard_bits),
                  [&](uint64_t h, std::span<const std::byte> row) {
                    while (next.valid() && next.h() < h) next.show(visit);
                    if (next.valid() && next.h() == h) return next.show(visit);
                    visit(h, row);
                  });
    }
    while (next.valid()) next.show(visit);
  }
}

/// Rows that DRAM held of a shard at the cut: [n, 8 + row_bytes], in no order, some twice. What
/// changes meanwhile is kept before it does, so it is in the copy or among the kept. The shard is
/// done then: its changes are no longer kept.
std::vector<std::byte> TieredTable::Impl::frozen_rows(int shard) {
  std::vector<KeySlot> keys;
  {
    const std::shared_lock lock(mutex);
    keys = dram.keys_of(shard);
  }
  std::vector<std::byte> entries;
  entries.reserve(keys.size() * cut->entry_bytes());
  in_pieces(std::ssize(keys), [&](int64_t begin, int64_t end) {
    const std::shared_lock lock(mutex);
    const kernels::RowsRef rows = dram.rows();
    for (int64_t i = begin; i < end; ++i) {
      if (!cut->is_frozen(keys[i].slot)) continue;
      const auto* h = reinterpret_cast<const std::byte*>(&keys[i].h);
      entries.insert(entries.end(), h, h + sizeof keys[i].h);
      const std::byte* row = rows.row(keys[i].slot);
      entries.insert(entries.end(), row, row + config.row_bytes);
    }
  });
  const std::shared_lock lock(mutex);
  const std::span<const std::byte> kept = cut->kept(shard);
  entries.insert(entries.end(), kept.begin(), kept.end());
  cut->finish(shard);
  return entries;
}

/// The row of a key is about to change or to leave DRAM.
void TieredTable::Impl::keep(uint64_t h, int64_t slot) {
  if (cut) cut->keep(h, slot, dram.rows().row(slot));
}

void TieredTable::keep(const ChangingRows& rows) {
  Impl& impl = *impl_;
  if (!impl.cut) return;
  for (const int64_t place : rows.created) impl.cut->pass(rows.slots[place]);
  for (size_t i = 0; i < rows.hashes.size(); ++i) impl.keep(rows.hashes[i], rows.slots[i]);
}

TieredTable::Change TieredTable::begin_change(std::span<const uint64_t> hashes) {
  return Change(*impl_, hashes, 0);
}

TieredTable::Change::Change(Impl& table, std::span<const uint64_t> hashes, int64_t others)
    : table_(&table) {
  {
    const std::shared_lock lock(table_->mutex);
    cut_ = table_->cut;
  }
  if (cut_) claimed_ = cut_->claim(hashes, others);
}

void TieredTable::Change::lock() {
  if (cut_ || table_->store)
    lock_ = std::unique_lock(table_->mutex);  // else nobody reads meanwhile
}

TieredTable::Change::~Change() {
  if (cut_) cut_->settle(claimed_);
}

}  // namespace strata::storage
