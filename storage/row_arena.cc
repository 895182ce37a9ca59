#include "storage/row_arena.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <new>

#include "base/check.h"
#include "base/error.h"

namespace strata::storage {
namespace {

constexpr int64_t kSegmentBytes = int64_t{1} << 19;  // at most: the directory stays in cache
constexpr int kMaxSegmentBits = 16;
constexpr int64_t kMaxRowBytes = int64_t{64} << 20;
constexpr int64_t kMaxExtentBytes = int64_t{1} << 30;
// The first segment lies on small pages for good. Up to kHugeFromBytes rows start on small pages,
// too, which become huge ones as they fill; from there on half a huge page of slack is little.
constexpr int64_t kGrowingExtentBytes = int64_t{4} << 20;
constexpr int64_t kHugeFromBytes = int64_t{16} << 20;
constexpr int64_t kMaxSlots = std::numeric_limits<uint32_t>::max();

int segment_bits_for(int row_bytes) {
  STRATA_CHECK(row_bytes > 0 && row_bytes <= kMaxRowBytes, "row bytes", row_bytes);
  const auto rows = static_cast<uint64_t>(std::max<int64_t>(1, kSegmentBytes / row_bytes));
  return std::min(kMaxSegmentBits, static_cast<int>(std::bit_width(rows)) - 1);
}

}  // namespace

RowArena::RowArena(int row_bytes)
    : row_bytes_(row_bytes), segment_bits_(segment_bits_for(row_bytes)) {}

SlotRange RowArena::take(int64_t rows) {
  STRATA_CHECK(rows >= 0, "rows", rows);
  const std::lock_guard lock(mutex_);
  if (taken_ + rows > kMaxSlots) {
    throw Error(ErrorCode::kResource, "a table in DRAM holds at most {} rows", kMaxSlots);
  }
  while (taken_ + rows > segments_ << segment_bits_) add_extent();
  const SlotRange range{taken_, taken_ + rows};
  taken_ = range.end;
  collapse_full_pages(/*complete=*/false);
  return range;
}

/// Small pages of the last extent whose rows have all been taken become huge ones; all of its pages
/// where it is `complete`. Rows of the last range may still be written by others meanwhile: the
/// system moves pages safely.
void RowArena::collapse_full_pages(bool complete) {
  constexpr size_t kPage = HugeBuffer::kHugePageBytes;
  if (extents_.empty() || extents_.back().page_bytes == kPage) return;
  Extent& extent = extents_.back();
  const auto used = static_cast<size_t>((taken_ - extent.first_slot) * row_bytes_);
  const size_t full = (complete ? extent.memory.bytes() : used) / kPage * kPage;
  if (full > extent.collapsed) {
    extent.memory.collapse(extent.collapsed, full - extent.collapsed);
    extent.collapsed = full;
  }
  if (complete && full > 0) extent.page_bytes = kPage;
}

void RowArena::add_extent() {
  collapse_full_pages(/*complete=*/true);
  const int64_t segment_bytes = int64_t{row_bytes_} << segment_bits_;
  const int64_t total = segments_ * segment_bytes;
  const bool huge = total >= kHugeFromBytes;
  const int64_t wished = huge        ? std::min(kMaxExtentBytes, total / 4)
                         : total > 0 ? kGrowingExtentBytes
                                     : 0;
  constexpr int64_t kPage = HugeBuffer::kHugePageBytes;
  const int64_t pages = (wished + kPage - 1) / kPage * kPage;
  int64_t segments = std::max<int64_t>(1, pages / segment_bytes);
  Extent extent{.memory = {},
                .first_slot = segments_ << segment_bits_,
                .rows = 0,
                .page_bytes = huge ? HugeBuffer::kHugePageBytes : HugeBuffer::kSmallPageBytes,
                .collapsed = 0};
  try {
    const int64_t bytes = std::max(pages, segments * segment_bytes);
    extent.memory = HugeBuffer(bytes, huge ? Pages::kHuge : Pages::kSmall);
  } catch (const Error&) {
    segments = 1;  // near the limit of the address space: as little as possible
    extent.page_bytes = HugeBuffer::kSmallPageBytes;
    extent.memory = HugeBuffer(segment_bytes, Pages::kSmall);
  }
  extent.rows = segments << segment_bits_;
  try {
    publish_segments(extent);
    extents_.push_back(std::move(extent));
  } catch (const std::bad_alloc&) {
    throw Error(ErrorCode::kResource, "out of memory while a table of {} rows grows", taken_);
  }
  segments_ += segments;
}

void RowArena::publish_segments(const Extent& extent) {
  const int64_t added = extent.rows >> segment_bits_;
  extents_.reserve(extents_.size() + 1);
  if (segments_ + added > directory_capacity_) {
    const int64_t capacity = std::max<int64_t>(4, 2 * (segments_ + added));
    auto larger = std::make_unique<std::byte*[]>(capacity);
    if (segments_ > 0) std::copy_n(directories_.back().get(), segments_, larger.get());
    directories_.push_back(std::move(larger));  // older ones stay: readers may hold them
    directory_capacity_ = capacity;
  }
  std::byte** directory = directories_.back().get();
  for (int64_t s = 0; s < added; ++s) {
    directory[segments_ + s] = extent.memory.data() + (s << segment_bits_) * row_bytes_;
  }
  directory_.store(directory, std::memory_order_release);
}

int64_t RowArena::taken() const {
  const std::lock_guard lock(mutex_);
  return taken_;
}

int64_t RowArena::touched_bytes() const {
  const std::lock_guard lock(mutex_);
  int64_t bytes = 0;
  for (const Extent& extent : extents_) {
    const int64_t rows = std::clamp<int64_t>(taken_ - extent.first_slot, 0, extent.rows);
    const auto page = static_cast<int64_t>(extent.page_bytes);
    const int64_t pages = (rows * row_bytes_ + page - 1) / page * page;
    bytes += std::min(pages, static_cast<int64_t>(extent.memory.bytes()));
  }
  return bytes;
}

}  // namespace strata::storage
