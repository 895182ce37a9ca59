#include "data/order.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace strata::data {
namespace {

constexpr uint64_t kBlocks = 0x626c6f636b73;  // "blocks"
constexpr uint64_t kRows = 0x726f7773;        // "rows"

/// First numbers of the runs of blocks that stay together.
std::vector<std::pair<int32_t, int32_t>> units_of(const BlockSource& source,
                                                  std::span<const int32_t> kept) {
  const std::span<const Block> blocks = source.blocks();
  std::vector<std::pair<int32_t, int32_t>> units;  // [begin, end) into `kept`
  for (int32_t i = 0; i < std::ssize(kept); ++i) {
    const int32_t file = blocks[static_cast<size_t>(kept[static_cast<size_t>(i)])].file;
    const bool joins =
        !units.empty() && source.in_order_only(file) &&
        blocks[static_cast<size_t>(kept[static_cast<size_t>(units.back().first)])].file == file;
    if (joins) {
      units.back().second = i + 1;
    } else {
      units.emplace_back(i, i + 1);
    }
  }
  return units;
}

}  // namespace

CounterRng block_stream(uint64_t seed, int64_t epoch) {
  return {combine64(combine64(seed, kBlocks), static_cast<uint64_t>(epoch))};
}

CounterRng row_stream(uint64_t seed, int64_t epoch, int64_t window) {
  const uint64_t state = combine64(combine64(seed, kRows), static_cast<uint64_t>(epoch));
  return {combine64(state, static_cast<uint64_t>(window))};
}

std::span<const int32_t> EpochOrder::window(int64_t number) const {
  const int64_t begin = number * window_blocks;
  const int64_t end = std::min<int64_t>(begin + window_blocks, std::ssize(blocks));
  return std::span(blocks).subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin));
}

int64_t EpochOrder::window_of(int64_t position) const {
  STRATA_CHECK(position >= 0 && position < rows(), "row position", position, rows());
  const auto after = std::upper_bound(window_begin.begin(), window_begin.end(), position);
  return after - window_begin.begin() - 1;
}

EpochOrder make_order(const BlockSource& source, std::span<const int64_t> selected,
                      const OrderRule& rule, int64_t epoch) {
  std::vector<int32_t> kept;
  for (size_t i = 0; i < selected.size(); ++i) {
    if (selected[i] > 0) kept.push_back(static_cast<int32_t>(i));
  }
  EpochOrder order;
  order.window_blocks = rule.window_blocks;
  if (rule.shuffle) {
    auto units = units_of(source, kept);
    shuffle_by_counter(std::span(units), block_stream(rule.seed, epoch));
    for (const auto& [begin, end] : units) {
      order.blocks.insert(order.blocks.end(), kept.begin() + begin, kept.begin() + end);
    }
  } else {
    order.blocks = std::move(kept);
  }
  order.window_begin = {0};
  for (size_t i = 0; i < order.blocks.size(); ++i) {
    if (i % static_cast<size_t>(rule.window_blocks) == 0) {
      order.window_begin.push_back(order.window_begin.back());
    }
    order.window_begin.back() += selected[static_cast<size_t>(order.blocks[i])];
  }
  return order;
}

}  // namespace strata::data
