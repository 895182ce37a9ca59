#pragma once

#include <cstdint>
#include <string_view>

#include "base/hash.h"
#include "data/config.h"

namespace strata::data {

/// Which rows of the file list a reader gives, as a pure function of the row number (lines of the
/// file list, headers excluded, from 0). Both sides of a split partition the rows.
class RowSelection {
 public:
  /// Every row.
  RowSelection() = default;

  /// The training or the evaluation side of a split of `rows` rows, `fraction` of them evaluation.
  /// kTime: the last round(fraction * rows) rows. kRandom: row r when bits(r) of the split's stream
  /// fall below fraction * 2^64.
  static RowSelection side(Split split, double fraction, int64_t rows, bool evaluation);

  bool all() const { return kind_ == Kind::kAll; }
  bool keeps(int64_t row) const {
    switch (kind_) {
      case Kind::kAll:
        return true;
      case Kind::kBefore:
        return row < border_;
      case Kind::kFrom:
        return row >= border_;
      case Kind::kDrawn:
        return (kStream.bits(static_cast<uint64_t>(row)) < threshold_) == evaluation_;
    }
    return true;
  }
  /// Kept rows among [first, first + rows).
  int64_t count(int64_t first, int64_t rows) const;

 private:
  enum class Kind { kAll, kBefore, kFrom, kDrawn };
  static constexpr CounterRng kStream{0x73706c6974000001ull};  // "split", 1
  Kind kind_ = Kind::kAll;
  bool evaluation_ = false;
  int64_t border_ = 0;
  uint64_t threshold_ = 0;
};

/// Negative down-sampling: whether the negative row `row` is kept at `rate`.
inline bool keeps_negative(int64_t row, double rate) {
  constexpr CounterRng kStream{0x6e65676174697665ull};  // "negative"
  return static_cast<double>(kStream.bits(static_cast<uint64_t>(row)) >> 11) * 0x1p-53 < rate;
}

}  // namespace strata::data
