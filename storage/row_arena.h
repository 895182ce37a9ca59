#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <vector>

#include "base/buffer.h"
#include "kernels/rows.h"

namespace strata::storage {

/// A half-open range of slots.
struct SlotRange {
  int64_t begin = 0;
  int64_t end = 0;
};

/// Memory for rows of one width, handed out as ranges of consecutive slots.
///
/// Slots map to segments of 2^segment_bits rows that never move. Segments are carved from extents
/// that grow with the arena, so a table of three rows costs one small page and a large one sits on
/// huge pages. Memory is touched only when its rows are.
/// Thread safety: all members may be called at the same time; a RowsRef reaches every slot that was
/// taken before it was asked for, and stays valid as long as the arena.
class RowArena {
 public:
  /// 0 < row_bytes <= 64 MiB.
  explicit RowArena(int row_bytes);

  /// `rows` consecutive fresh zeroed rows. Throws Error{resource} when memory is refused or slots
  /// no longer fit in 32 bits; the arena is then unchanged.
  SlotRange take(int64_t rows);

  kernels::RowsRef rows() const {
    return {.segments = directory_.load(std::memory_order_acquire),
            .segment_bits = segment_bits_,
            .row_bytes = row_bytes_};
  }

  /// Rows taken so far.
  int64_t taken() const;
  /// Physical memory of the rows taken so far, whole pages.
  int64_t touched_bytes() const;

 private:
  struct Extent {
    HugeBuffer memory;
    int64_t first_slot;
    int64_t rows;
    size_t page_bytes;
    size_t collapsed;  // bytes from the start that have moved to huge pages
  };

  void add_extent();
  void collapse_full_pages(bool complete);
  void publish_segments(const Extent& extent);

  const int row_bytes_;
  const int segment_bits_;
  std::atomic<std::byte* const*> directory_{nullptr};
  mutable std::mutex mutex_;
  std::vector<Extent> extents_;
  std::vector<std::unique_ptr<std::byte*[]>> directories_;  // the last one is current
  int64_t directory_capacity_ = 0;
  int64_t segments_ = 0;
  int64_t taken_ = 0;  // slots
};

}  // namespace strata::storage
