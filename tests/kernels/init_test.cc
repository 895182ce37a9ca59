#include "kernels/init.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "kernels/convert.h"
#include "tests/kernels/row_arena.h"

namespace strata::kernels {
namespace {

std::vector<float> many(const InitConfig& config, int dim = 16) {
  std::vector<float> out(200'000);
  init_weights(config, CounterRng{17}, dim, out);
  return out;
}

struct Moments {
  double mean = 0, std = 0, low = 0, high = 0;
};

Moments moments(const std::vector<float>& x) {
  Moments m;
  for (float v : x) m.mean += v;
  m.mean /= x.size();
  for (float v : x) m.std += (v - m.mean) * (v - m.mean);
  m.std = std::sqrt(m.std / x.size());
  const auto [low, high] = std::ranges::minmax_element(x);
  m.low = *low;
  m.high = *high;
  return m;
}

TEST(Init, DistributionsHaveTheirMomentsAndBounds) {
  const Moments uniform = moments(many({.algorithm = UniformInit{.low = -1, .high = 3}}));
  EXPECT_NEAR(uniform.mean, 1, 0.02);
  EXPECT_NEAR(uniform.std, 4 / std::sqrt(12.0), 0.02);
  EXPECT_GE(uniform.low, -1);
  EXPECT_LT(uniform.high, 3);

  const Moments scaled = moments(many({.algorithm = ScaledUniformInit{.gain = 2}}, 64));
  EXPECT_NEAR(scaled.high, 0.25, 1e-4);
  EXPECT_NEAR(scaled.low, -0.25, 1e-4);

  const Moments normal = moments(many({.algorithm = NormalInit{.mean = 0.5f, .std = 2}}));
  EXPECT_NEAR(normal.mean, 0.5, 0.02);
  EXPECT_NEAR(normal.std, 2, 0.02);
  EXPECT_GT(normal.high, 0.5 + 2 * 3.8);
  EXPECT_LT(normal.high, 0.5 + 2 * 6);

  const Moments cut = moments(many({.algorithm = TruncatedNormalInit{.mean = 0, .std = 1}}));
  EXPECT_NEAR(cut.std, 0.8796, 0.01);
  EXPECT_GT(cut.low, -2.0001);
  EXPECT_LT(cut.high, 2.0001);
  EXPECT_GT(cut.high, 1.99);

  for (float v : many({.algorithm = ConstantInit{.value = 0.25f}})) ASSERT_EQ(v, 0.25f);
}

TEST(Init, NormalHasGaussianQuantiles) {
  auto x = many({.algorithm = NormalInit{.mean = 0, .std = 1}});
  std::ranges::sort(x);
  const auto below = [&](float z) {
    return static_cast<double>(std::ranges::lower_bound(x, z) - x.begin()) / x.size();
  };
  for (float z : {-3.0f, -2.0f, -1.0f, -0.25f, 0.0f, 0.5f, 1.5f, 2.5f}) {
    const double want = 0.5 * std::erfc(-z / std::sqrt(2.0));
    EXPECT_NEAR(below(z), want, 4 * std::sqrt(want * (1 - want) / x.size()) + 1e-5) << z;
  }
}

TEST(Init, ElementsDependOnTheirIndexOnly) {
  for (const InitConfig& config :
       {InitConfig{.algorithm = UniformInit{}}, InitConfig{.algorithm = NormalInit{}},
        InitConfig{.algorithm = TruncatedNormalInit{}}}) {
    std::vector<float> whole(133), part(31);
    init_weights(config, CounterRng{4}, 8, whole);
    init_weights(config, CounterRng{4}, 8, part);
    EXPECT_TRUE(std::equal(part.begin(), part.end(), whole.begin()));
  }
}

TEST(InitRows, RowsAreAFunctionOfSeedTableAndKey) {
  const OptimizerConfig optimizer{.algorithm = Adagrad{.initial_accumulator = 0.5f}};
  const InitConfig config{.algorithm = NormalInit{}};
  for (DType dtype : {DType::kF32, DType::kBf16, DType::kF16}) {
    const RowLayout layout{.dim = 10, .dtype = dtype, .state_floats = 10, .counter_bytes = 8};
    const std::vector<uint64_t> keys = {7, 0, ~uint64_t{0}, 9};
    const std::vector<int64_t> slots = {3, 0, 2, 1}, other_slots = {0, 1, 2, 3};
    RowArena a(layout, 5), b(layout, 5);
    std::memset(b.row(0), 0xff, layout.row_bytes());  // what a reused slot may hold
    InitRows args;
    args.layout = layout;
    args.keys = keys.data();
    args.seed = 1;
    args.table_salt = 2;
    args.stamp = 77;
    args.rows = a.ref();
    args.slots = slots;
    init_rows(config, optimizer, args);
    args.rows = b.ref();
    args.slots = other_slots;
    init_rows(config, optimizer, args);
    for (size_t c = 0; c < keys.size(); ++c) {
      EXPECT_EQ(std::memcmp(a.row(slots[c]), b.row(other_slots[c]), layout.row_bytes()), 0);
      EXPECT_EQ(a.stamp(slots[c]), 77u);
      for (float s : a.state(slots[c])) EXPECT_EQ(s, 0.5f);
    }
    EXPECT_NE(std::memcmp(a.row(0), a.row(1), layout.weight_bytes()), 0);
    args.table_salt = 3;
    init_rows(config, optimizer, args);
    EXPECT_NE(std::memcmp(a.row(3), b.row(0), layout.weight_bytes()), 0);
  }
}

TEST(InitRows, SkipsNegativeSlots) {
  const RowLayout layout{.dim = 4, .dtype = DType::kF32, .state_floats = 0, .counter_bytes = 0};
  RowArena arena(layout, 2);
  const RowArena before = arena;
  const std::vector<int64_t> slots = {-1};
  const uint64_t key = 5;
  InitRows args;
  args.rows = arena.ref();
  args.layout = layout;
  args.slots = slots;
  args.keys = &key;
  init_rows({}, {}, args);
  EXPECT_TRUE(before == arena);
}

// The bits themselves, so that a change of the generator is noticed: checkpoints of other
// instruction sets and earlier builds rely on them.
TEST(Init, FirstWeightsArePinned) {
  std::vector<float> out(3);
  init_weights({.algorithm = UniformInit{.low = -1, .high = 1}}, CounterRng{1}, 3, out);
  const CounterRng random{1};
  for (int i = 0; i < 3; ++i) EXPECT_EQ(out[i], -1 + 2 * random.uniform(i));
}

}  // namespace
}  // namespace strata::kernels
