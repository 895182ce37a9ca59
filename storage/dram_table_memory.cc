#include "storage/dram_table_memory.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "base/check.h"
#include "base/error.h"

namespace strata::storage {
namespace {

constexpr size_t kLargeBytes = HugeBuffer::kSmallPageBytes;
// Once there are so many bytes of blocks, somewhat smaller ones are cut from extents, too: the heap
// would keep what a thousand of them leave behind.
constexpr size_t kManyBytes = size_t{128} << 10;
constexpr size_t kLargeOfManyBytes = 2560;
constexpr size_t kHugeFromBytes = size_t{48} << 20;  // of all blocks: a huge page is then small
constexpr size_t kDeadShare = 64;  // of all blocks that dead pages may wait for company
constexpr size_t kLeastDeadBytes = size_t{32} << 10;
constexpr size_t kMostDeadBytes = size_t{2} << 20;
constexpr size_t kMaxExtentBytes = size_t{256} << 20;
constexpr std::align_val_t kAlignment{64};

/// Calls visit(page, bytes) for the part of [begin, begin + bytes) on each page.
template <class Visit>
void for_each_page(size_t page_bytes, size_t begin, size_t bytes, Visit&& visit) {
  for (size_t at = begin; at < begin + bytes;) {
    const size_t page = at / page_bytes;
    const size_t end = std::min(begin + bytes, (page + 1) * page_bytes);
    visit(page, end - at);
    at = end;
  }
}

}  // namespace

DramTableMemory::~DramTableMemory() = default;

std::byte* DramTableMemory::allocate(size_t bytes) {
  STRATA_CHECK(bytes > 0, "bytes", bytes);
  try {
    const std::lock_guard lock(mutex_);
    const bool many = small_bytes_ + large_bytes_ >= kManyBytes;
    if (bytes >= (many ? kLargeOfManyBytes : kLargeBytes)) return allocate_large(bytes);
    auto* block = static_cast<std::byte*>(::operator new(bytes, kAlignment));
    std::memset(block, 0, bytes);
    small_bytes_ += bytes;
    return block;
  } catch (const std::bad_alloc&) {
    throw Error(ErrorCode::kResource, "out of memory: {} bytes for the index of a table", bytes);
  }
}

void DramTableMemory::release(std::byte* block, size_t bytes) {
  if (!block) return;
  const std::lock_guard lock(mutex_);
  const auto owner = std::find_if(extents_.begin(), extents_.end(), [&](const Extent& e) {
    return block >= e.memory.data() && block < e.memory.data() + e.used;
  });
  if (owner != extents_.end()) return release_large(*owner, block, bytes);
  ::operator delete(block, kAlignment);
  small_bytes_ -= bytes;
}

DramTableMemory::Extent& DramTableMemory::extent_with(size_t bytes) {
  if (!extents_.empty() && extents_.back().memory.bytes() - extents_.back().used >= bytes) {
    return extents_.back();
  }
  const bool huge = large_bytes_ >= kHugeFromBytes;
  const Pages pages = huge ? Pages::kHuge : Pages::kSmall;
  const size_t wished = std::clamp(large_bytes_ / 8, bytes, std::max(bytes, kMaxExtentBytes));
  Extent extent;
  extent.page_bytes = huge ? HugeBuffer::kHugePageBytes : HugeBuffer::kSmallPageBytes;
  try {
    extent.memory = HugeBuffer(wished, pages);
  } catch (const Error&) {
    extent.memory = HugeBuffer(bytes, pages);  // near the limit of the address space
  }
  extent.pages.resize(extent.memory.bytes() / extent.page_bytes);
  extents_.push_back(std::move(extent));
  if (extents_.size() > 1 && extents_.end()[-2].live == 0) extents_.erase(extents_.end() - 2);
  return extents_.back();
}

std::byte* DramTableMemory::allocate_large(size_t bytes) {
  Extent& extent = extent_with(bytes);
  const size_t begin = extent.used;
  extent.used += bytes;
  extent.live += bytes;
  large_bytes_ += bytes;
  for_each_page(extent.page_bytes, begin, bytes, [&](size_t page, size_t part) {
    extent.pages[page] += static_cast<uint32_t>(part);
  });
  extent.memory.populate(begin, bytes);
  return extent.memory.data() + begin;
}

void DramTableMemory::release_large(Extent& owner, std::byte* block, size_t bytes) {
  owner.live -= bytes;
  large_bytes_ -= bytes;
  const bool current = &owner == &extents_.back();
  if (owner.live == 0 && !current) {
    extents_.erase(extents_.begin() + (&owner - extents_.data()));
    return;
  }
  for_each_page(owner.page_bytes, block - owner.memory.data(), bytes,
                [&](size_t page, size_t part) {
                  owner.pages[page] -= static_cast<uint32_t>(part);
                  const bool cut = !current || (page + 1) * owner.page_bytes <= owner.used;
                  if (owner.pages[page] == 0 && cut) note_dead(owner, page);
                });
}

/// Dead pages are neighbours as a rule: they go back many at a time, since each call interrupts
/// every thread of the process.
void DramTableMemory::note_dead(Extent& owner, size_t page) {
  if (page != owner.dead_end || owner.dead_begin == owner.dead_end) {
    give_back_dead(owner);
    owner.dead_begin = page;
  }
  owner.dead_end = page + 1;
  const size_t dead = (owner.dead_end - owner.dead_begin) * owner.page_bytes;
  if (dead >= std::clamp(large_bytes_ / kDeadShare, kLeastDeadBytes, kMostDeadBytes)) {
    give_back_dead(owner);
  }
}

void DramTableMemory::give_back_dead(Extent& owner) {
  const size_t dead = owner.dead_end - owner.dead_begin;
  if (dead == 0) return;
  owner.memory.release(owner.dead_begin * owner.page_bytes, dead * owner.page_bytes);
  owner.released += dead;
  owner.dead_begin = owner.dead_end;
}

int64_t DramTableMemory::bytes() const {
  const std::lock_guard lock(mutex_);
  size_t bytes = small_bytes_;
  for (const Extent& extent : extents_) {
    const size_t touched = (extent.used + extent.page_bytes - 1) / extent.page_bytes;
    bytes += (touched - extent.released) * extent.page_bytes;
  }
  return static_cast<int64_t>(bytes);
}

}  // namespace strata::storage
