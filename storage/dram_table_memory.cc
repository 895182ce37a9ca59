#include "storage/dram_table_memory.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <utility>

#include "base/check.h"
#include "base/error.h"

namespace strata::storage {
namespace {

constexpr size_t kLargeBytes = size_t{64} << 10;
constexpr size_t kHugeFromBytes = size_t{16} << 20;  // of all blocks: a huge page is then small
constexpr size_t kMaxExtentBytes = size_t{256} << 20;
constexpr size_t kPage = HugeBuffer::kHugePageBytes;
constexpr std::align_val_t kAlignment{64};

/// Calls visit(page, bytes) for the part of [begin, begin + bytes) on each huge page.
template <class Visit>
void for_each_page(size_t begin, size_t bytes, Visit&& visit) {
  for (size_t at = begin; at < begin + bytes;) {
    const size_t page = at / kPage;
    const size_t end = std::min(begin + bytes, (page + 1) * kPage);
    visit(page, end - at);
    at = end;
  }
}

}  // namespace

DramTableMemory::~DramTableMemory() = default;

std::byte* DramTableMemory::allocate(size_t bytes) {
  STRATA_CHECK(bytes > 0, "bytes", bytes);
  try {
    {
      const std::lock_guard lock(mutex_);
      if (bytes >= kLargeBytes && small_bytes_ + large_bytes_ >= kHugeFromBytes) {
        return allocate_large(bytes);
      }
    }
    auto* block = static_cast<std::byte*>(::operator new(bytes, kAlignment));
    std::memset(block, 0, bytes);
    const std::lock_guard lock(mutex_);
    small_bytes_ += bytes;
    return block;
  } catch (const std::bad_alloc&) {
    throw Error(ErrorCode::kResource, "out of memory: {} bytes for the index of a table", bytes);
  }
}

void DramTableMemory::release(std::byte* block, size_t bytes) {
  if (!block) return;
  const std::lock_guard lock(mutex_);
  if (free_large(block, bytes)) return;
  ::operator delete(block, kAlignment);
  small_bytes_ -= bytes;
}

DramTableMemory::Extent& DramTableMemory::extent_with(size_t bytes) {
  if (extents_.empty() || extents_.back().memory.bytes() - extents_.back().used < bytes) {
    const size_t wished = std::clamp(large_bytes_ / 8, bytes, std::max(bytes, kMaxExtentBytes));
    Extent extent;
    try {
      extent.memory = HugeBuffer(wished);
    } catch (const Error&) {
      extent.memory = HugeBuffer(bytes);  // near the limit of the address space
    }
    extent.pages.resize(extent.memory.bytes() / kPage);
    extents_.push_back(std::move(extent));
  }
  return extents_.back();
}

std::byte* DramTableMemory::allocate_large(size_t bytes) {
  Extent& extent = extent_with(bytes);
  const size_t begin = extent.used;
  extent.used += bytes;
  extent.live += bytes;
  large_bytes_ += bytes;
  for_each_page(begin, bytes, [&](size_t page, size_t part) {
    extent.pages[page] += static_cast<uint32_t>(part);
  });
  return extent.memory.data() + begin;
}

/// False when the block is of the heap.
bool DramTableMemory::free_large(std::byte* block, size_t bytes) {
  const auto owner = std::find_if(extents_.begin(), extents_.end(), [&](const Extent& e) {
    return block >= e.memory.data() && block < e.memory.data() + e.used;
  });
  if (owner == extents_.end()) return false;
  owner->live -= bytes;
  large_bytes_ -= bytes;
  const bool current = &*owner == &extents_.back();
  if (owner->live == 0 && !current) {
    extents_.erase(owner);
    return true;
  }
  for_each_page(block - owner->memory.data(), bytes, [&](size_t page, size_t part) {
    owner->pages[page] -= static_cast<uint32_t>(part);
    const bool cut = !current || (page + 1) * kPage <= owner->used;
    if (owner->pages[page] > 0 || !cut) return;
    owner->memory.release(page * kPage, kPage);
    ++owner->released;
  });
  return true;
}

int64_t DramTableMemory::bytes() const {
  const std::lock_guard lock(mutex_);
  size_t bytes = small_bytes_;
  for (const Extent& extent : extents_) {
    bytes += ((extent.used + kPage - 1) / kPage - extent.released) * kPage;
  }
  return static_cast<int64_t>(bytes);
}

}  // namespace strata::storage
