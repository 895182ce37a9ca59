// Rows are brought into DRAM before their batch needs them.

#include <algorithm>
#include <cstring>
#include <utility>

#include "storage/tiered_table_impl.h"

namespace strata::storage {
namespace {

constexpr int64_t kAheadShare = 4;  // a batch fetched ahead has one part of as many at most

}  // namespace

/// The keys that DRAM lacks; the others are kept for the batch. From here on `changed` is written.
std::vector<uint64_t> TieredTable::Impl::absent_ahead(const BatchHold& batch,
                                                      std::span<const uint64_t> hashes) {
  std::vector<int64_t> slots(hashes.size());
  std::vector<uint64_t> absent;
  const std::unique_lock lock(mutex);
  dram.find(hashes, slots);
  for (size_t i = 0; i < hashes.size(); ++i) {
    if (slots[i] == kNoSlot) {
      absent.push_back(hashes[i]);
    } else {
      touch(states[slots[i]], batch.ticket);
    }
  }
  changed.clear();
  reading_ahead = true;
  return absent;
}

/// Reads what DRAM lacks of `hashes` and takes it in; false when there is no room for more.
bool TieredTable::Impl::read_ahead(const BatchHold& batch, std::span<const uint64_t> hashes) {
  std::vector<uint64_t> absent = absent_ahead(batch, hashes);
  const auto width = static_cast<size_t>(config.row_bytes);
  std::vector<std::byte> rows(absent.size() * width);
  std::vector<uint8_t> found(absent.size());
  try {
    store->read(absent, rows, found);
  } catch (...) {
    const std::unique_lock lock(mutex);
    reading_ahead = false;
    throw;
  }
  Change change(*this, {}, std::ssize(absent));  // of those that leave
  change.lock();
  reading_ahead = false;
  std::ranges::sort(changed);
  std::vector<int64_t> slots(absent.size());
  dram.find(absent, slots);
  size_t kept = 0;
  for (size_t i = 0; i < absent.size(); ++i) {
    if (found[i] == 0 || slots[i] != kNoSlot) continue;
    if (std::ranges::binary_search(changed, absent[i])) continue;
    absent[kept] = absent[i];
    std::memmove(rows.data() + kept * width, rows.data() + i * width, width);
    ++kept;
  }
  return take_ahead(batch, std::span(absent).first(kept), std::span(rows).first(kept * width));
}

/// Puts rows of the store into DRAM; false when there is no room for them.
bool TieredTable::Impl::take_ahead(const BatchHold& batch, std::span<const uint64_t> hashes,
                                   std::span<const std::byte> rows) {
  const int64_t more = lacking(batch, std::ssize(hashes));
  if (more > 0) {
    std::vector<KeySlot> leaving = victims(batch, more);
    if (std::ssize(leaving) < more) return false;
    evict(std::move(leaving));
  }
  std::vector<int64_t> slots(hashes.size());
  insert(batch, hashes, slots);
  const kernels::RowsRef to = dram.rows();
  const auto width = static_cast<size_t>(config.row_bytes);
  for (size_t i = 0; i < slots.size(); ++i) {
    std::memcpy(to.row(slots[i]), rows.data() + i * width, width);
    states[slots[i]].below = 1;
  }
  both += std::ssize(slots);
  counts.ahead += std::ssize(slots);
  return true;
}

void TieredTable::fetch_ahead(const BatchHold& batch, std::span<const uint64_t> hashes) {
  Impl& impl = *impl_;
  STRATA_CHECK(tiered(), "fetch_ahead needs a store");
  const std::lock_guard one(impl.ahead);
  if (kAheadShare * std::ssize(hashes) > impl.dram.size()) return;
  bool room = true;
  in_pieces(std::ssize(hashes), [&](int64_t begin, int64_t end) {
    room = room && impl.read_ahead(batch, hashes.subspan(begin, end - begin));
  });
}

std::unique_lock<std::mutex> TieredTable::pause_fetching() const {
  return std::unique_lock(impl_->ahead);
}

}  // namespace strata::storage
