#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "base/buffer.h"
#include "data/block_source.h"
#include "data/order.h"
#include "data/reader.h"

namespace strata::data {

/// Bytes behind the last line that parsers may read (not interpret).
inline constexpr int64_t kTextPadding = 64;

/// A line without its end. text[size] is '\n' or '\r', and kTextPadding more bytes are readable.
struct Line {
  const char* text = nullptr;
  uint32_t size = 0;
  bool overlong = false;  // its text was not read
};

/// Asks for the memory of the line that is parsed a few lines after lines[i].
inline void prefetch_ahead(std::span<const Line> lines, size_t i) {
  constexpr size_t kAhead = 6;
  if (i + kAhead >= lines.size()) return;
  constexpr int64_t kUsualBytes = 320;  // cache lines that a line of Criteo's touches
  const Line& line = lines.data()[i + kAhead];
  for (int64_t offset = 0; offset < kUsualBytes; offset += 64) {
    __builtin_prefetch(line.text + offset);
  }
  __builtin_prefetch(line.text + line.size);
}

/// The text of some blocks in memory and its selected lines, in any order asked for.
class Window {
 public:
  /// Whether a row takes part; the line is given for rules that need its label.
  using Selector = std::function<bool(int64_t row, const Line& line)>;

  /// Replaces the content by the selected lines of `blocks` in file order. An empty selector takes
  /// every row. Throws what source.read throws, and Error{data} when the lines are not those that
  /// were indexed.
  void load(BlockSource& source, std::span<const int32_t> blocks, const Selector& selector);

  /// Permutes the lines.
  void shuffle(CounterRng rng) { shuffle_by_counter(std::span(lines_), rng); }

  int64_t rows() const { return std::ssize(lines_); }
  Line line(int64_t i) const {
    const Ref ref = lines_[static_cast<size_t>(i)];
    return {text() + ref.begin, ref.size & ~kOverlong, (ref.size & kOverlong) != 0};
  }
  /// Row number in the file list of line i. Counts lines: for weights and messages of few rows.
  int64_t row(int64_t i) const;
  /// File and line number of line i, for messages.
  BadRow where(const BlockSource& source, int64_t i) const;

 private:
  struct Ref {
    uint32_t begin;
    uint32_t size;  // bytes without the line end; kOverlong is a flag
  };
  struct Part {
    int32_t block;
    uint32_t begin;  // of its text
  };
  static constexpr uint32_t kOverlong = 1u << 31;

  void read_blocks(BlockSource& source, std::span<const int32_t> blocks);
  void split_block(const BlockSource& source, const Part& part, uint32_t end,
                   const Selector& selector);
  const Part& part_of(uint32_t begin) const;
  int64_t lines_before(uint32_t begin, const Part& part) const;

  const char* text() const { return reinterpret_cast<const char*>(text_.data()); }

  HugeBuffer text_;  // lines are met in random order: large pages spare the TLB
  std::vector<Part> parts_;
  std::vector<Ref> lines_;
  std::vector<int64_t> first_rows_;  // of parts_
};

}  // namespace strata::data
