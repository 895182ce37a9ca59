#include "base/hash.h"

#include <gtest/gtest.h>

namespace strata {
namespace {

TEST(Hash, UnmixInvertsMix) {
  for (uint64_t z : {uint64_t{0}, uint64_t{1}, ~uint64_t{0}, uint64_t{1} << 63, uint64_t{12345}}) {
    EXPECT_EQ(unmix64(mix64(z)), z);
    EXPECT_EQ(mix64(unmix64(z)), z);
  }
  const CounterRng rng{7};
  for (uint64_t i = 0; i < 10'000; ++i) ASSERT_EQ(unmix64(mix64(rng.bits(i))), rng.bits(i));
}

TEST(CounterRng, UniformStaysBelowOneAndHasTheRightMean) {
  const CounterRng rng{1};
  double sum = 0;
  for (uint64_t i = 0; i < 100'000; ++i) {
    const float u = rng.uniform(i);
    ASSERT_GE(u, 0.0f);
    ASSERT_LT(u, 1.0f);
    sum += u;
  }
  EXPECT_NEAR(sum / 100'000, 0.5, 0.005);
}

TEST(CounterRng, BelowCoversItsRangeEvenly) {
  const CounterRng rng{2};
  int counts[7] = {};
  for (uint64_t i = 0; i < 70'000; ++i) ++counts[rng.below(i, 7)];
  for (int count : counts) EXPECT_NEAR(count, 10'000, 500);
}

}  // namespace
}  // namespace strata
