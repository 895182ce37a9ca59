#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/layout.h"
#include "data/schema.h"

namespace strata::data {

/// Lines are parsed in slices of at most this many.
inline constexpr int64_t kSliceRows = 256;
/// Distance of columns: not a power of two, so that 26 columns do not share one cache set.
inline constexpr int64_t kColumnStride = kSliceRows + 8;

/// Ids of a list feature, row after row.
struct ListColumn {
  std::vector<uint64_t> ids;
  std::vector<float> weights;    // parallel to ids
  std::vector<int32_t> lengths;  // [rows]
  void clear() {
    ids.clear();
    weights.clear();
    lengths.clear();
  }
};

/// What a parser reads from the lines of a slice, before any transform. NaN: a missing number.
struct RawColumns {
  explicit RawColumns(const Layout& layout)
      : numbers(layout.numbers.size() * kColumnStride),
        ids(layout.ids.size() * kColumnStride),
        lists(layout.lists.size()) {}

  double* number(int slot) { return numbers.data() + slot * kColumnStride; }
  const double* number(int slot) const { return numbers.data() + slot * kColumnStride; }
  uint64_t* id(int slot) { return ids.data() + slot * kColumnStride; }
  const uint64_t* id(int slot) const { return ids.data() + slot * kColumnStride; }

  std::vector<double> numbers;    // [slots][kColumnStride]
  std::vector<uint64_t> ids;      // [slots][kColumnStride], exact ids
  std::vector<ListColumn> lists;  // [slots]
};

/// A line of the slice that is not a sample.
struct BadLine {
  int32_t line = 0;  // within the slice
  std::string reason;
};

/// The samples of a slice, encoded; bad and blank lines are left out.
struct RowBlock {
  /// Makes room for a slice and forgets the last one.
  void start(const Schema& schema);

  uint64_t* id(int feature) { return ids.data() + feature * kColumnStride; }
  const uint64_t* id(int feature) const { return ids.data() + feature * kColumnStride; }

  int64_t rows = 0;
  int64_t blank = 0;
  std::vector<BadLine> bad;
  std::vector<float> dense;           // [rows, I]
  std::vector<uint64_t> ids;          // [F][kColumnStride]; unused for list features
  std::vector<ListColumn> lists;      // [list slots of the layout], with final keys
  std::vector<float> labels;          // [rows]; unused without labels
  std::vector<float> sample_weights;  // [rows] where the schema has the column
  std::vector<int64_t> times;
  std::vector<uint64_t> groups;
  std::vector<std::string> sample_ids;
};

}  // namespace strata::data
