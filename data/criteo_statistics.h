#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "data/criteo.h"

namespace strata::data {

/// How the values of one categorical column of Criteo Kaggle are distributed. Shares are of
/// non-missing values. Ranks below kHead have explicit shares; the tail is Zipf-Mandelbrot,
/// p(r) ~ (r + q)^-s over tail_ranks ranks.
struct CategoryStatistics {
  static constexpr int kHead = 5;
  int64_t cardinality = 0;  // distinct values in the full set (45.8 M rows)
  double null_rate = 0;
  std::array<double, kHead> head{};
  double s = 0;
  double q = 0;
  double tail_ranks = 0;
};

/// Distribution of one integer column: quartiles, mean and maximum of non-missing values.
struct IntegerStatistics {
  double null_rate = 0;
  double minimum = 0, q1 = 0, median = 0, q3 = 0, mean = 0, maximum = 0;
};

struct CriteoStatistics {
  double positive_rate = 0;
  std::array<IntegerStatistics, kCriteoIntegers> integers;       // I1 … I13
  std::array<CategoryStatistics, kCriteoCategories> categories;  // C1 … C26
};

/// The facts of datasets/criteo_statistics.json, which is compiled in.
CriteoStatistics criteo_statistics();

/// Parses that format. Throws Error{data} when a field is missing or out of range.
CriteoStatistics parse_criteo_statistics(std::string_view json);

}  // namespace strata::data
