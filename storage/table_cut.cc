#include "storage/table_cut.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/check.h"

namespace strata::storage {
namespace {

// Of the reserve, in rows kept. The rest is for vectors that grow by a quarter.
constexpr int64_t usable(int64_t bytes) { return bytes / 5 * 4; }

}  // namespace

int64_t CutReserve::peak_bytes() const {
  const std::lock_guard lock(mutex_);
  return peak_;
}

int64_t CutReserve::waits() const {
  const std::lock_guard lock(mutex_);
  return waits_;
}

TableCut::TableCut(Source source, std::shared_ptr<CutReserve> reserve)
    : source_(std::move(source)),
      reserve_(std::move(reserve)),
      bits_(std::make_unique<std::atomic<uint64_t>[]>(source_.slots / 64 + 1)),
      shards_(std::make_unique<Shard[]>(shards())),
      left_(shards()) {}

TableCut::~TableCut() { abandon(); }

int TableCut::shard_of(uint64_t h) const {
  return source_.shard_bits == 0 ? 0 : static_cast<int>(h >> (64 - source_.shard_bits));
}

int64_t TableCut::needed(std::span<const uint64_t> hashes, int64_t others) const {
  if (left_ == 0) return 0;
  const auto left = [&](uint64_t h) { return !is_done(shard_of(h)); };
  return (std::ranges::count_if(hashes, left) + others) * static_cast<int64_t>(entry_bytes());
}

int64_t TableCut::claim(std::span<const uint64_t> hashes, int64_t others) {
  CutReserve& reserve = *reserve_;
  std::unique_lock lock(reserve.mutex_);
  int64_t bytes = 0;
  const auto fits = [&] {
    bytes = needed(hashes, others);
    return bytes == 0 || reserve.used_ + bytes <= usable(reserve.bytes_);
  };
  if (!fits()) {
    ++reserve.waits_;
    reserve.changed_.wait(lock, fits);
  }
  reserve.used_ += bytes;
  reserve.peak_ = std::max(reserve.peak_, reserve.used_);
  return bytes;
}

void TableCut::settle(int64_t claimed) {
  const std::lock_guard lock(reserve_->mutex_);
  reserve_->used_ += unsettled_.exchange(0) - claimed;
  reserve_->changed_.notify_all();
}

void TableCut::pass(int64_t slot) {
  if (is_frozen(slot)) bits_[slot / 64].fetch_or(bit(slot), std::memory_order_relaxed);
}

void TableCut::keep(uint64_t h, int64_t slot, const std::byte* row) {
  Shard& shard = shards_[shard_of(h)];
  if (!is_frozen(slot) || shard.done.load(std::memory_order_relaxed)) return;
  std::vector<std::byte>& kept = shard.kept;
  const size_t at = kept.size();
  if (kept.capacity() < at + entry_bytes()) {
    kept.reserve(std::max(at + entry_bytes(), at / 4 * 5));
  }
  kept.resize(at + entry_bytes());
  std::memcpy(kept.data() + at, &h, sizeof h);
  std::memcpy(kept.data() + at + sizeof h, row, static_cast<size_t>(source_.row_bytes));
  unsettled_ += static_cast<int64_t>(entry_bytes());
  pass(slot);  // last: a row is not lost when memory is refused
}

void TableCut::finish(int shard) {
  Shard& state = shards_[shard];
  if (state.done.exchange(true)) return;
  const auto freed = static_cast<int64_t>(std::exchange(state.kept, {}).size());
  const std::lock_guard lock(reserve_->mutex_);
  --left_;
  reserve_->used_ -= freed;
  reserve_->changed_.notify_all();
}

void TableCut::abandon() {
  for (int shard = 0; shard < shards(); ++shard) finish(shard);
}

}  // namespace strata::storage
