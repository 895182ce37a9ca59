#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "data/encoder.h"
#include "data/layout.h"
#include "data/line_parser.h"
#include "data/row_block.h"
#include "data/schema.h"
#include "data/window.h"

namespace strata::data {

/// Parses and encodes any bytes as lines, as a window would hand them over, and checks what every
/// slice must satisfy.
inline void fuzz_lines(const LineParser& parser, const Schema& schema, const Layout& layout,
                       std::string_view bytes) {
  std::vector<char> text(bytes.begin(), bytes.end());
  text.push_back('\n');
  const size_t end = text.size();
  text.resize(end + static_cast<size_t>(kTextPadding), 0);
  std::vector<Line> lines;
  for (size_t begin = 0; begin < end && std::ssize(lines) < kSliceRows;) {
    const auto* stop = static_cast<const char*>(memchr(text.data() + begin, '\n', end - begin));
    auto size = static_cast<uint32_t>(stop - (text.data() + begin));
    const auto next = begin + size + 1;
    if (size > 0 && text[begin + size - 1] == '\r') --size;
    lines.push_back({text.data() + begin, size, false});
    begin = next;
  }
  RawColumns raw(layout);
  RowBlock rows;
  rows.start(schema);
  parser.parse(lines, raw, rows);
  STRATA_CHECK(rows.rows + rows.blank + std::ssize(rows.bad) == std::ssize(lines), "lines lost");
  Encoder(schema, layout).encode(raw, rows);
  const auto dense = static_cast<size_t>(rows.rows) * schema.dense.size();
  for (size_t i = 0; i < dense; ++i) {
    STRATA_CHECK(rows.dense[i] - rows.dense[i] == 0, "a feature is not finite");
  }
  for (const float label : rows.labels) STRATA_CHECK(label == 0 || label == 1, "label", label);
  for (const ListColumn& list : rows.lists) {
    STRATA_CHECK(std::ssize(list.lengths) == rows.rows, "list lengths");
    int64_t total = 0;
    for (const int32_t length : list.lengths) total += length;
    STRATA_CHECK(total == std::ssize(list.ids), "list ids");
    STRATA_CHECK(list.ids.size() == list.weights.size(), "list weights");
  }
}

}  // namespace strata::data
