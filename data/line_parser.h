#pragma once

#include <memory>
#include <optional>
#include <span>

#include "data/layout.h"
#include "data/row_block.h"
#include "data/schema.h"
#include "data/window.h"

namespace strata::data {

/// Lines of one layout to raw columns. Stateless after construction: const calls may run on any
/// thread, each with its own columns.
class LineParser {
 public:
  virtual ~LineParser() = default;

  /// Parses at most kSliceRows lines. Good rows are packed in the order of the lines into `raw` and
  /// into the label, weight, time, group and id columns of `out`, and counted in out.rows; blank
  /// lines are counted; any other line goes to out.bad with its reason. Never throws for text.
  virtual void parse(std::span<const Line> lines, RawColumns& raw, RowBlock& out) const = 0;

  /// The label alone; null where the line has no valid one. For negative down-sampling.
  virtual std::optional<bool> label(const Line& line) const = 0;
};

/// Criteo's layout: label, 13 integers, 26 categories of hexadecimal digits, tabs between, nothing
/// for missing. `schema` uses integers as numbers and categories as hexadecimal ids only.
/// Without `with_label` labels are not read, and lines may lack them.
std::unique_ptr<LineParser> make_criteo_parser(const Schema& schema, const Layout& layout,
                                               bool with_label);

/// Any delimited text (CSV as RFC 4180, with a quoted field ending on its line).
std::unique_ptr<LineParser> make_delimited_parser(const Schema& schema, const Layout& layout,
                                                  bool with_label);

/// Whether make_criteo_parser can serve the schema; else fields are parsed as delimited text.
bool criteo_parser_fits(const Schema& schema, const Layout& layout);

}  // namespace strata::data
