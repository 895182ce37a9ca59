#pragma once

#include <memory>

#include "data/block_source.h"
#include "data/config.h"
#include "data/layout.h"
#include "data/line_parser.h"
#include "data/reader.h"
#include "data/schema.h"
#include "data/selection.h"
#include "data/window.h"

namespace strata::data {

/// A part of the data, opened: its text, what its lines mean, and which of them take part.
struct TextInput {
  std::unique_ptr<BlockSource> source;
  Schema schema;  // its fields are those of the text
  RowSelection selection{};
  bool shuffle = false;
  int64_t window_blocks = 32;
  double negative_sampling = 1;
  double max_bad_ratio = 0;
  int threads = 1;
  std::unique_ptr<LineParser> (*make_parser)(const Schema&, const Layout&, bool with_label);
};

/// Expands and indexes the files of `part`. Errors as make_reader().
TextInput open_input(const DataConfig& config, const Schema& schema, Part part, bool with_label);

/// Whether a row takes part, as Window::load() asks; empty when all do. `input` and `parser`
/// outlive it.
Window::Selector make_selector(const TextInput& input, const LineParser& parser);

/// Bad rows of one epoch against data.max_bad_ratio.
class BadRowPolicy {
 public:
  /// `rows` of an epoch, bad ones included.
  BadRowPolicy(double max_ratio, int64_t rows);

  void start_epoch() { bad_ = 0; }
  /// Counts one. `where` gives file and line; it is called only when they are shown. Appends to
  /// `first_bad` up to kReportedBadRows; throws Error{data} naming the row when it is one too many.
  template <class Where>
  void add(const std::string& reason, std::vector<BadRow>& first_bad, Where&& where) {
    ++bad_;
    if (bad_ <= allowed_ && std::ssize(first_bad) >= kReportedBadRows) return;
    BadRow row = where();
    row.reason = reason;
    if (bad_ > allowed_) fail(row);
    first_bad.push_back(std::move(row));
  }

  static constexpr int64_t kReportedBadRows = 20;

 private:
  [[noreturn]] void fail(const BadRow& row) const;

  int64_t rows_;
  int64_t allowed_;
  int64_t bad_ = 0;
};

}  // namespace strata::data
