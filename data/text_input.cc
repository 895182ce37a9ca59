#include "data/text_input.h"

#include "base/error.h"

namespace strata::data {

Window::Selector make_selector(const TextInput& input, const LineParser& parser) {
  const double rate = input.negative_sampling;
  if (input.selection.all() && rate >= 1) return {};
  return [&input, &parser, rate](int64_t row, const Line& line) {
    if (!input.selection.keeps(row)) return false;
    return rate >= 1 || keeps_negative(row, rate) || parser.label(line) != false;
  };
}

BadRowPolicy::BadRowPolicy(double max_ratio, int64_t rows)
    : rows_(rows), allowed_(static_cast<int64_t>(max_ratio * static_cast<double>(rows))) {}

void BadRowPolicy::fail(const BadRow& row) const {
  throw Error{ErrorCode::kData, "{}:{}: {} (bad row {}; data.max_bad_ratio allows {} of {} rows)",
              row.file,         row.line,
              row.reason,       bad_,
              allowed_,         rows_};
}

}  // namespace strata::data
