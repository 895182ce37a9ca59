#pragma once
// Naive pooling and its gradient, in double, one loop per definition.

#include <cmath>
#include <cstdint>
#include <map>
#include <vector>

namespace strata::reference {

enum class Pooling { kSum, kMean, kSqrtn };

/// bags[b] lists (row, weight); returns [B][D].
using Bag = std::vector<std::pair<int64_t, double>>;

inline double factor(Pooling pooling, const Bag& bag, double weight) {
  double sum = 0;
  double squares = 0;
  for (const auto& [row, w] : bag) {
    sum += w;
    squares += w * w;
  }
  if (pooling == Pooling::kMean) return sum == 0 ? 0 : weight / sum;
  if (pooling == Pooling::kSqrtn) return squares == 0 ? 0 : weight / std::sqrt(squares);
  return weight;
}

inline std::vector<std::vector<double>> pool_rows(const std::vector<std::vector<double>>& rows,
                                                  const std::vector<Bag>& bags, Pooling pooling) {
  std::vector<std::vector<double>> out;
  for (const Bag& bag : bags) {
    std::vector<double> sum(rows.empty() ? 0 : rows[0].size(), 0.0);
    for (const auto& [row, w] : bag) {
      for (size_t i = 0; i < sum.size(); ++i) sum[i] += factor(pooling, bag, w) * rows[row][i];
    }
    out.push_back(sum);
  }
  return out;
}

/// Gradient of each row that occurs, from dpool [B][D].
inline std::map<int64_t, std::vector<double>> reduce_rows(
    const std::vector<std::vector<double>>& dpool, const std::vector<Bag>& bags, Pooling pooling) {
  std::map<int64_t, std::vector<double>> out;
  for (size_t b = 0; b < bags.size(); ++b) {
    for (const auto& [row, w] : bags[b]) {
      auto& sum = out[row];
      sum.resize(dpool[b].size(), 0.0);
      for (size_t i = 0; i < sum.size(); ++i) sum[i] += factor(pooling, bags[b], w) * dpool[b][i];
    }
  }
  return out;
}

}  // namespace strata::reference
