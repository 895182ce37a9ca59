#include "data/window.h"

#include <algorithm>
#include <cstring>
#include <limits>

#include "base/error.h"

namespace strata::data {
namespace {

/// Text of a block in the buffer: an overlong line is an empty one, and each block ends its line.
int64_t text_bytes(const Block& block) { return block.overlong ? 1 : block.bytes + 1; }

}  // namespace

void Window::read_blocks(BlockSource& source, std::span<const int32_t> blocks) {
  const std::span<const Block> all = source.blocks();
  int64_t bytes = kTextPadding;
  for (const int32_t block : blocks) bytes += text_bytes(all[static_cast<size_t>(block)]);
  if (bytes > std::numeric_limits<uint32_t>::max() / 2) {
    throw Error{ErrorCode::kConfig,
                "data.window_blocks x data.block_bytes: a window of {} bytes is above 2 GiB",
                bytes};
  }
  if (static_cast<int64_t>(text_.bytes()) < bytes) text_ = HugeBuffer(static_cast<size_t>(bytes));
  char* const text = reinterpret_cast<char*>(text_.data());
  parts_.clear();
  first_rows_.clear();
  uint32_t begin = 0;
  for (const int32_t number : blocks) {
    const Block& block = all[static_cast<size_t>(number)];
    parts_.push_back({number, begin});
    first_rows_.push_back(block.first_row);
    if (!block.overlong) begin += static_cast<uint32_t>(source.read(number, text + begin));
    text[begin++] = '
';
  }
  parts_.push_back({-1, begin});
  std::memset(text + begin, 0, static_cast<size_t>(kTextPadding));
}

void Window::load(BlockSource& source, std::span<const int32_t> blocks, const Selector& selector) {
  read_blocks(source, blocks);
  lines_.clear();
  for (size_t i = 0; i + 1 < parts_.size(); ++i) {
    split_block(source, parts_[i], parts_[i + 1].begin, selector);
  }
}

void Window::split_block(const BlockSource& source, const Part& part, uint32_t end,
                         const Selector& selector) {
  const Block& block = source.blocks()[static_cast<size_t>(part.block)];
  const char* const text = this->text();
  int64_t row = block.first_row;
  // The added line end closes a last line that has none; after one that has, it is no line.
  const uint32_t stop = end - 1 > part.begin && text[end - 2] == '\n' ? end - 1 : end;
  for (uint32_t begin = part.begin; begin < stop; ++row) {
    const void* found = memchr(text + begin, '\n', end - begin);
    const auto line_end = static_cast<uint32_t>(static_cast<const char*>(found) - text);
    uint32_t size = line_end - begin;
    if (size > 0 && text[line_end - 1] == '\r') --size;
    const Line line{text + begin, size, block.overlong};
    if (!selector || selector(row, line)) {
      lines_.push_back({begin, block.overlong ? kOverlong : size});
    }
    begin = line_end + 1;
  }
  if (row - block.first_row != block.lines) {
    throw Error{ErrorCode::kData, "{}: the file changed while it was being read",
                source.file_name(block.file)};
  }
}

const Window::Part& Window::part_of(uint32_t begin) const {
  const auto after =
      std::upper_bound(parts_.begin(), parts_.end(), begin,
                       [](uint32_t at, const Part& part) { return at < part.begin; });
  return *(after - 1);
}

int64_t Window::lines_before(uint32_t begin, const Part& part) const {
  return std::count(text() + part.begin, text() + begin, '\n');
}

int64_t Window::row(int64_t i) const {
  const uint32_t begin = lines_[static_cast<size_t>(i)].begin;
  const Part& part = part_of(begin);
  return first_rows_[static_cast<size_t>(&part - parts_.data())] + lines_before(begin, part);
}

BadRow Window::where(const BlockSource& source, int64_t i) const {
  const uint32_t begin = lines_[static_cast<size_t>(i)].begin;
  const Part& part = part_of(begin);
  const Block& block = source.blocks()[static_cast<size_t>(part.block)];
  return {source.file_name(block.file), block.first_line + lines_before(begin, part), {}};
}

}  // namespace strata::data
