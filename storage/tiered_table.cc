#include "storage/tiered_table.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <utility>

#include "base/check.h"
#include "storage/tiered_table_impl.h"

namespace strata::storage {
namespace {

/// The rows of some shards in DRAM, one after another, ascending in h.
class DramCursor {
 public:
  DramCursor(const DramTable& table, ShardRange shards)
      : table_(table), shard_(shards.first), end_(shards.first + shards.count) {
    seek();
  }
  bool valid() const { return at_ < keys_.size(); }
  uint64_t h() const { return keys_[at_].h; }
  /// Visits the row and goes on to the next.
  void show(const RowVisitor& visit) {
    const kernels::RowsRef rows = table_.rows();
    visit(h(), {rows.row(keys_[at_].slot), static_cast<size_t>(rows.row_bytes)});
    ++at_;
    seek();
  }

 private:
  void seek() {
    while (!valid() && shard_ < end_) {
      keys_ = table_.keys_of(shard_++);
      at_ = 0;
    }
  }

  const DramTable& table_;
  int shard_;  // the next one
  int end_;
  std::vector<KeySlot> keys_;
  size_t at_ = 0;
};

/// The keys that have a slot.
std::vector<KeySlot> present(std::span<const uint64_t> hashes, std::span<const int64_t> slots) {
  std::vector<KeySlot> rows;
  for (size_t i = 0; i < slots.size(); ++i) {
    if (slots[i] != kNoSlot) rows.push_back({.h = hashes[i], .slot = slots[i]});
  }
  return rows;
}

}  // namespace

void TieredTable::Impl::insert(const BatchHold& batch, std::span<const uint64_t> absent,
                               std::span<int64_t> slots) {
  std::vector<int64_t> created;
  dram.find_or_insert(absent, slots, created);
  STRATA_CHECK(created.size() == absent.size(), "keys are distinct", created.size());
  for (const int64_t slot : slots) {
    states.cover(slot);
    states[slot] = {};
    touch(states[slot], batch.ticket);
    if (cut) cut->pass(slot);
  }
}

/// Rows of fresh slots from the store; found[i] says whether it had the key.
void TieredTable::Impl::fetch(std::span<const uint64_t> absent, std::span<const int64_t> slots,
                              std::vector<uint8_t>& found) {
  const auto width = static_cast<size_t>(config.row_bytes);
  const kernels::RowsRef to = dram.rows();
  std::vector<std::byte> rows(std::min<size_t>(kRowsPerPiece, absent.size()) * width);
  in_pieces(std::ssize(absent), [&](int64_t begin, int64_t end) {
    const auto count = static_cast<size_t>(end - begin);
    store->read(absent.subspan(begin, count), std::span(rows).first(count * width),
                std::span(found).subspan(begin, count));
    for (int64_t i = begin; i < end; ++i) {
      if (found[i] == 0) continue;
      std::memcpy(to.row(slots[i]), rows.data() + (i - begin) * width, width);
      states[slots[i]].below = 1;
      ++both;
    }
  });
}

TieredTable::TieredTable(const TieredTableConfig& config, RowStore* store)
    : impl_(std::make_unique<Impl>(config, store)) {}
TieredTable::~TieredTable() = default;
TieredTable::TieredTable(TieredTable&&) noexcept = default;
TieredTable& TieredTable::operator=(TieredTable&&) noexcept = default;

bool TieredTable::tiered() const { return impl_->store != nullptr; }
DramTable& TieredTable::dram() { return impl_->dram; }
const DramTable& TieredTable::dram() const { return impl_->dram; }

void TieredTable::hold(const BatchHold& batch, std::span<const uint64_t> hashes,
                       std::span<int64_t> slots, std::vector<int64_t>& created) {
  Impl& impl = *impl_;
  STRATA_CHECK(tiered() && batch.ticket >= batch.oldest, "hold", batch.ticket, batch.oldest);
  Change change(impl, hashes, std::ssize(hashes));
  change.lock();
  impl.dram.find(hashes, slots);
  std::vector<int64_t> places;
  std::vector<uint64_t> absent;
  for (size_t i = 0; i < slots.size(); ++i) {
    if (slots[i] != kNoSlot) {
      impl.touch(impl.states[slots[i]], batch.ticket);
      impl.keep(hashes[i], slots[i]);
      continue;
    }
    places.push_back(static_cast<int64_t>(i));
    absent.push_back(hashes[i]);
  }
  impl.counts.hits += std::ssize(hashes) - std::ssize(absent);
  impl.counts.misses += std::ssize(absent);
  impl.make_room(batch, std::ssize(absent));
  std::vector<int64_t> fresh(absent.size());
  std::vector<uint8_t> found(absent.size());
  try {
    impl.insert(batch, absent, fresh);
    impl.fetch(absent, fresh, found);
  } catch (...) {
    impl.dram.find(absent, fresh);
    impl.forget(present(absent, fresh));
    throw;
  }
  for (size_t i = 0; i < absent.size(); ++i) {
    slots[places[i]] = fresh[i];
    if (found[i] == 0) created.push_back(places[i]);
    impl.counts.fetched += found[i];
    impl.states[fresh[i]].changed = found[i] == 0;
  }
  if (!impl.config.changes) return;
  for (const int64_t slot : slots) impl.states[slot].changed = 1;
}

void TieredTable::find(std::span<const uint64_t> hashes, std::span<int64_t> slots,
                       RowsBelow& below) const {
  below.places.clear();
  below.rows.clear();
  {
    const auto lock = impl_->reading();
    impl_->dram.find(hashes, slots);
  }
  if (!tiered()) return;
  std::vector<uint64_t> absent;
  for (size_t i = 0; i < slots.size(); ++i) {
    if (slots[i] != kNoSlot) continue;
    below.places.push_back(static_cast<int64_t>(i));
    absent.push_back(hashes[i]);
  }
  const auto width = static_cast<size_t>(impl_->config.row_bytes);
  below.rows.resize(absent.size() * width);
  std::vector<uint8_t> found(absent.size());
  impl_->store->read(absent, below.rows, found);
  size_t kept = 0;
  for (size_t i = 0; i < absent.size(); ++i) {
    if (found[i] == 0) continue;
    below.places[kept] = below.places[i];
    std::memmove(below.rows.data() + kept * width, below.rows.data() + i * width, width);
    ++kept;
  }
  below.places.resize(kept);
  below.rows.resize(kept * width);
}

void TieredTable::scan(ShardRange shards, const RowVisitor& visit) const {
  const Impl& impl = *impl_;
  const auto lock = impl.reading();
  const int end = shards.first + shards.count;
  STRATA_CHECK(shards.first >= 0 && shards.count >= 0 && end <= impl.dram.shards(), "shards",
               shards.first, shards.count);
  if (shards.count == 0) return;
  DramCursor next(impl.dram, shards);
  if (impl.store) {
    impl.store->scan(keys_of_shards(shards, impl.config.shard_bits),
                     [&](uint64_t h, std::span<const std::byte> row) {
                       while (next.valid() && next.h() < h) next.show(visit);
                       if (next.valid() && next.h() == h) return next.show(visit);
                       visit(h, row);
                     });
  }
  while (next.valid()) next.show(visit);
}

void TieredTable::put(std::span<const uint64_t> hashes, std::span<const std::byte> rows) {
  Impl& impl = *impl_;
  const auto width = static_cast<size_t>(impl.config.row_bytes);
  STRATA_CHECK(rows.size() == hashes.size() * width, "rows", rows.size(), hashes.size(), width);
  const auto lock = impl.writing();
  STRATA_CHECK(!impl.cut, "rows are put while a cut is read");
  std::vector<int64_t> slots(hashes.size());
  std::vector<int64_t> created;
  if (!impl.store) {
    impl.dram.find_or_insert(hashes, slots, created);
  } else {
    std::vector<std::byte> old(rows.size());
    std::vector<uint8_t> found(hashes.size());
    if (impl.below > 0) impl.store->read(hashes, old, found);
    impl.store->write(hashes, rows);
    impl.note_changed(hashes);
    impl.below += std::ranges::count(found, uint8_t{0});
    impl.dram.find(hashes, slots);
  }
  const kernels::RowsRef to = impl.dram.rows();
  for (size_t i = 0; i < slots.size(); ++i) {
    if (slots[i] == kNoSlot) continue;
    std::memcpy(to.row(slots[i]), rows.data() + i * width, width);
    if (!impl.store) continue;
    SlotState& state = impl.states[slots[i]];
    impl.both += 1 - state.below;
    state.below = 1;
    state.changed = 0;
  }
}

int64_t TieredTable::erase(std::span<const uint64_t> hashes) {
  Impl& impl = *impl_;
  if (!impl.store) return erase_from_dram(hashes);
  Change change(impl, hashes, 0);
  change.lock();
  std::vector<std::byte> rows(hashes.size() * static_cast<size_t>(impl.config.row_bytes));
  std::vector<uint8_t> found(hashes.size());
  impl.store->read(hashes, rows, found);
  impl.store->erase(hashes);
  impl.note_changed(hashes);
  impl.below -= std::ranges::count(found, uint8_t{1});
  std::vector<int64_t> slots(hashes.size());
  impl.dram.find(hashes, slots);
  int64_t erased = 0;
  for (size_t i = 0; i < slots.size(); ++i) erased += found[i] != 0 || slots[i] != kNoSlot;
  impl.forget(present(hashes, slots));
  return erased;
}

/// Where there is no store.
int64_t TieredTable::erase_from_dram(std::span<const uint64_t> hashes) {
  Impl& impl = *impl_;
  Change change(impl, hashes, 0);
  change.lock();
  std::vector<int64_t> slots(hashes.size());
  impl.dram.find(hashes, slots);
  for (const KeySlot& row : present(hashes, slots)) impl.keep(row.h, row.slot);
  return impl.dram.erase(hashes);
}

void TieredTable::clear() {
  STRATA_CHECK(!impl_->cut, "a table is cleared while a cut is read");
  if (tiered()) impl_->store->clear();
  *this = TieredTable(impl_->config, impl_->store);
}

int64_t TieredTable::size() const {
  const auto lock = impl_->reading();
  return impl_->dram.size() + impl_->below - impl_->both;
}

DramTableUsage TieredTable::dram_usage() const {
  const auto lock = impl_->reading();
  DramTableUsage usage = impl_->dram.usage();
  usage.index_bytes += impl_->states.bytes();
  return usage;
}

double TieredTable::planned_bytes(double rows) {
  constexpr double kBlock = SlotStates::kBlock;
  return std::ceil(rows / kBlock) * kBlock * kKnownBytes;
}

TierCounts TieredTable::counts() const {
  const auto lock = impl_->reading();
  return impl_->counts;
}

}  // namespace strata::storage
