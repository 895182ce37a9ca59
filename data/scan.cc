#include "data/scan.h"

#include <algorithm>
#include <array>
#include <span>

namespace strata::data {

void scan_rows(TextInput& input, const Layout& layout, const LineParser& parser,
               const std::function<void(const ScannedSlice&)>& on_slice,
               const std::function<void(const BadRow&)>& on_bad) {
  const Window::Selector selector = make_selector(input, parser);
  Window window;
  RawColumns raw(layout);
  RowBlock rows;
  std::array<Line, kSliceRows> lines;
  for (int32_t block = 0; block < std::ssize(input.source->blocks()); ++block) {
    window.load(*input.source, {&block, 1}, selector);
    for (int64_t begin = 0; begin < window.rows(); begin += kSliceRows) {
      const int64_t count = std::min(kSliceRows, window.rows() - begin);
      for (int64_t i = 0; i < count; ++i) lines.data()[i] = window.line(begin + i);
      rows.start(input.schema);
      parser.parse(std::span(lines).first(static_cast<size_t>(count)), raw, rows);
      for (const BadLine& bad : rows.bad) {
        BadRow row = window.where(*input.source, begin + bad.line);
        row.reason = bad.reason;
        on_bad(row);
      }
      on_slice({raw, rows});
    }
  }
}

}  // namespace strata::data
