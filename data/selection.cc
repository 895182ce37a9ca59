#include "data/selection.h"

#include <algorithm>
#include <cmath>

namespace strata::data {

RowSelection RowSelection::side(Split split, double fraction, int64_t rows, bool evaluation) {
  RowSelection selection;
  if (split == Split::kTime) {
    selection.kind_ = evaluation ? Kind::kFrom : Kind::kBefore;
    selection.border_ = rows - std::llround(fraction * static_cast<double>(rows));
    return selection;
  }
  selection.kind_ = Kind::kDrawn;
  selection.evaluation_ = evaluation;
  selection.threshold_ = static_cast<uint64_t>(std::ldexp(fraction, 64));
  return selection;
}

int64_t RowSelection::count(int64_t first, int64_t rows) const {
  const int64_t end = first + rows;
  switch (kind_) {
    case Kind::kAll:
      return rows;
    case Kind::kBefore:
      return std::clamp<int64_t>(border_ - first, 0, rows);
    case Kind::kFrom:
      return std::clamp<int64_t>(end - border_, 0, rows);
    case Kind::kDrawn:
      break;
  }
  int64_t kept = 0;
  for (int64_t row = first; row < end; ++row) kept += keeps(row);
  return kept;
}

}  // namespace strata::data
