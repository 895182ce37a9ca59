#pragma once

#include <cstdint>
#include <functional>

#include "data/layout.h"
#include "data/row_block.h"
#include "data/text_input.h"

namespace strata::data {

/// What scan_rows() hands over for each slice of lines: raw columns and labels of the good rows.
struct ScannedSlice {
  const RawColumns& raw;
  const RowBlock& rows;  // features are not encoded
};

/// Reads the selected rows of `input` once, in file order, on the calling thread. Rows that are bad
/// go to `on_bad` with file, line and reason.
void scan_rows(TextInput& input, const Layout& layout, const LineParser& parser,
               const std::function<void(const ScannedSlice&)>& on_slice,
               const std::function<void(const BadRow&)>& on_bad);

}  // namespace strata::data
