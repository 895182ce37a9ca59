#pragma once

#include <cstddef>
#include <cstdint>
#include <mutex>
#include <vector>

#include "base/buffer.h"

namespace strata::storage {

/// Memory for the bucket runs of a DramTable. Small blocks come from the heap while there are few.
/// All others are cut one after another from extents, which lie on huge pages once there is much to
/// hold; the pages of released blocks go back to the system, so runs that grow in turn leave no
/// holes behind.
/// Thread safety: all members may be called at the same time.
class DramTableMemory {
 public:
  DramTableMemory() = default;
  ~DramTableMemory();
  DramTableMemory(const DramTableMemory&) = delete;
  DramTableMemory& operator=(const DramTableMemory&) = delete;

  /// Zeroed, aligned to 64. bytes > 0. Throws Error{resource}.
  std::byte* allocate(size_t bytes);
  /// Takes back a block of allocate(bytes).
  void release(std::byte* block, size_t bytes);

  /// Physical memory in use: blocks, and pages of extents not yet given back.
  int64_t bytes() const;

 private:
  struct Extent {
    HugeBuffer memory;
    size_t page_bytes = 0;
    size_t used = 0;              // cut from the front; never cut twice
    size_t live = 0;              // bytes of blocks not released
    std::vector<uint32_t> pages;  // live bytes per page
    size_t released = 0;          // pages given back
    size_t dead_begin = 0;        // pages [dead_begin, dead_end) hold nothing, to be given back
    size_t dead_end = 0;
  };

  // With mutex_ held:
  std::byte* allocate_large(size_t bytes);
  void release_large(Extent& owner, std::byte* block, size_t bytes);
  void note_dead(Extent& owner, size_t page);
  void give_back_dead(Extent& owner);
  Extent& extent_with(size_t bytes);

  mutable std::mutex mutex_;
  std::vector<Extent> extents_;  // the last one is cut from
  size_t small_bytes_ = 0;
  size_t large_bytes_ = 0;
};

}  // namespace strata::storage
