#include "kernels/pool_rows.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "base/hash.h"
#include "kernels/convert.h"
#include "kernels/reduce_rows.h"
#include "tests/reference/pooling.h"
#include "tests/sanitized.h"

namespace strata::kernels {
namespace {

/// A table of U rows and B bags of random length, in the forms both sides want.
struct Problem {
  int dim;
  int64_t samples;
  std::vector<std::byte> memory;
  std::vector<float> read;  // what read_rows gives
  std::vector<std::vector<double>> values;
  std::vector<int32_t> inverse, offsets{0};
  std::vector<float> weights;
  std::vector<reference::Bag> bags;

  Problem(DType dtype, int dim, int64_t samples, int hotness, bool weighted)
      : dim(dim), samples(samples) {
    const CounterRng rng{static_cast<uint64_t>(dim * 1000 + samples + hotness)};
    uint64_t c = 0;
    const int64_t count = samples / 3 + 1;
    const RowLayout layout{.dim = dim, .dtype = dtype};
    memory.resize(count * layout.row_bytes());
    for (int64_t u = 0; u < count; ++u) {
      std::vector<float> w(dim);
      for (float& x : w) x = rng.uniform(c++) - 0.5f;
      std::byte* row = memory.data() + u * layout.row_bytes();
      narrow(dtype, w.data(), dim, row);
      widen(dtype, row, dim, w.data());
      values.emplace_back(w.begin(), w.end());
    }
    std::vector<int64_t> slots(count);
    std::iota(slots.begin(), slots.end(), int64_t{0});
    read.resize(count * dim);
    std::byte* const segment = memory.data();
    const RowsRef rows{.segments = &segment, .segment_bits = 20, .row_bytes = layout.row_bytes()};
    read_rows({.rows = rows, .dtype = dtype, .dim = dim, .slots = slots, .out = read.data()});
    for (int64_t b = 0; b < samples; ++b) {
      bags.emplace_back();
      const int64_t length = hotness == 1 ? 1 : rng.below(c++, 2 * hotness + 1);
      for (int64_t k = 0; k < length; ++k) {
        inverse.push_back(static_cast<int32_t>(rng.below(c++, count)));
        weights.push_back(weighted ? rng.uniform(c++) * 2 : 1.0f);
        bags.back().push_back({inverse.back(), weights.back()});
      }
      offsets.push_back(static_cast<int32_t>(inverse.size()));
    }
  }
};

struct Case {
  DType dtype;
  int dim;
  int hotness;
  reference::Pooling pooling;
  bool weighted;
};

class PoolRowsGrid : public testing::TestWithParam<Case> {};

std::vector<Case> grid() {
  std::vector<Case> cases;
  using enum reference::Pooling;
  for (DType dtype : {DType::kF32, DType::kBf16, DType::kF16}) {
    for (int dim : {1, 4, 8, 10, 16, 17, 32, 64, 128, 130}) {
      for (int hotness : {0, 1, 5}) {
        cases.push_back({dtype, dim, hotness, kSum, false});
        cases.push_back({dtype, dim, hotness, kSum, true});
        cases.push_back({dtype, dim, hotness, kMean, true});
        cases.push_back({dtype, dim, hotness, kSqrtn, true});
      }
    }
  }
  return cases;
}
INSTANTIATE_TEST_SUITE_P(Grid, PoolRowsGrid, testing::ValuesIn(grid()));

std::vector<float> factors_of(const Problem& p, const Case& c) {
  if (c.pooling == reference::Pooling::kSum) return c.weighted ? p.weights : std::vector<float>{};
  std::vector<float> factors(p.inverse.size());
  const Bags bags{.offsets = p.offsets.data(), .bags = p.samples, .weights = p.weights.data()};
  if (c.pooling == reference::Pooling::kMean) mean_factors(bags, factors.data());
  if (c.pooling == reference::Pooling::kSqrtn) sqrtn_factors(bags, factors.data());
  return factors;
}

TEST_P(PoolRowsGrid, EqualsTheNaiveSumInAnySplitAndLeavesOtherColumnsAlone) {
  const Case c = GetParam();
  for (int64_t samples : {1, 31, 32, 33, kSanitized ? 70 : 300}) {
    const Problem p(c.dtype, c.dim, samples, c.hotness, c.weighted);
    const auto expected = reference::pool_rows(p.values, p.bags, c.pooling);
    const std::vector<float> factors = factors_of(p, c);
    const int64_t stride = c.dim + 3;
    const float untouched = 77;
    std::vector<float> out(samples * stride, untouched);
    for (const auto& [begin, end] : {std::pair{int64_t{0}, samples / 3}, {samples / 3, samples}}) {
      pool_rows({.weights = p.read.data(),
                 .dim = c.dim,
                 .inverse = p.inverse.data(),
                 .bag_offsets = c.hotness == 1 ? nullptr : p.offsets.data(),
                 .factors = factors.empty() ? nullptr : factors.data(),
                 .begin = begin,
                 .end = end,
                 .out = out.data() + begin * stride,
                 .stride = stride});
    }
    for (int64_t b = 0; b < samples; ++b) {
      for (int64_t i = 0; i < stride; ++i) {
        const double want = i < c.dim ? expected[b][i] : untouched;
        ASSERT_NEAR(out[b * stride + i], want, 1e-5) << "sample " << b << " column " << i;
      }
    }
  }
}

TEST(ReadRows, TakesTheDefaultWhereThereIsNoRow) {
  std::vector<float> memory = {1, 2, 3, 4, 5, 6};  // rows of three floats, D = 2
  auto* const segment = reinterpret_cast<std::byte*>(memory.data());
  const int64_t slots[] = {1, -1, 0};
  const float absent[] = {8, 9};
  std::vector<float> out(7, 77.0f);
  read_rows({.rows = {.segments = &segment, .segment_bits = 4, .row_bytes = 12},
             .dim = 2,
             .slots = slots,
             .absent = absent,
             .out = out.data()});
  EXPECT_EQ(out, (std::vector<float>{4, 5, 8, 9, 1, 2, 77}));
}

TEST(PoolRows, BagsWhoseWeightsCancelAreZeros) {
  const int32_t offsets[] = {0, 2, 3};
  const float weights[] = {1, -1, 0};
  float factors[3];
  mean_factors({.offsets = offsets, .bags = 2, .weights = weights}, factors);
  for (float f : factors) EXPECT_EQ(f, 0);
  sqrtn_factors({.offsets = offsets, .bags = 2, .weights = weights}, factors);
  EXPECT_FLOAT_EQ(factors[0], 1 / std::sqrt(2.0f));
  EXPECT_FLOAT_EQ(factors[1], -1 / std::sqrt(2.0f));
  EXPECT_EQ(factors[2], 0);
}

}  // namespace
}  // namespace strata::kernels
