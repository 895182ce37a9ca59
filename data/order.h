#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/hash.h"
#include "data/block_source.h"

namespace strata::data {

/// The order of an epoch: a pure function of (seed, epoch, blocks).
/// Blocks without selected rows are left out. Units (a block, or all blocks of a file that can only
/// be read in order) are permuted; the resulting blocks are grouped by `window_blocks`; the rows of
/// a window are permuted among themselves.
struct OrderRule {
  bool shuffle = true;
  uint64_t seed = 1;
  int64_t window_blocks = 32;
};

struct EpochOrder {
  std::vector<int32_t> blocks;        // block numbers in the order of the epoch
  std::vector<int64_t> window_begin;  // [windows + 1] first row position of each window
  int64_t window_blocks = 1;

  int64_t windows() const { return std::ssize(window_begin) - 1; }
  int64_t rows() const { return window_begin.back(); }
  /// The blocks of a window.
  std::span<const int32_t> window(int64_t number) const;
  /// The window that holds row position `position`, 0 <= position < rows().
  int64_t window_of(int64_t position) const;
};

/// `selected` [blocks]: rows of each block that take part.
EpochOrder make_order(const BlockSource& source, std::span<const int64_t> selected,
                      const OrderRule& rule, int64_t epoch);

/// Permutes `items` by Fisher-Yates with numbers 0 … size - 1 of `rng`.
template <class T>
void shuffle_by_counter(std::span<T> items, CounterRng rng) {
  for (size_t i = items.size(); i > 1; --i) {
    std::swap(items[i - 1], items[rng.below(i - 1, i)]);
  }
}

/// The random numbers that permute the blocks of an epoch, and the rows of a window.
CounterRng block_stream(uint64_t seed, int64_t epoch);
CounterRng row_stream(uint64_t seed, int64_t epoch, int64_t window);

}  // namespace strata::data
