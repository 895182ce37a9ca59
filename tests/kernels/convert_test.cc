#include "kernels/convert.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "tests/kernels/row_arena.h"

namespace strata::kernels {
namespace {

constexpr DType kNarrow[] = {DType::kBf16, DType::kF16};

/// Value of a bit pattern by the definition of the format.
double value_of(DType dtype, uint16_t h) {
  const int mantissa_bits = dtype == DType::kBf16 ? 7 : 10;
  const int exponent_bits = 15 - mantissa_bits;
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const int exponent = (h >> mantissa_bits) & ((1 << exponent_bits) - 1);
  const int mantissa = h & ((1 << mantissa_bits) - 1);
  const double sign = h & 0x8000 ? -1 : 1;
  if (exponent == (1 << exponent_bits) - 1) {
    return mantissa ? std::numeric_limits<double>::quiet_NaN()
                    : sign * std::numeric_limits<double>::infinity();
  }
  if (exponent == 0) return sign * std::ldexp(mantissa, 1 - bias - mantissa_bits);
  return sign * std::ldexp((1 << mantissa_bits) + mantissa, exponent - bias - mantissa_bits);
}

std::vector<uint16_t> narrowed(DType dtype, const std::vector<float>& in) {
  std::vector<uint16_t> out(in.size());
  narrow(dtype, in.data(), in.size(), out.data());
  return out;
}

TEST(Convert, EveryPatternWidensToItsValueAndBack) {
  for (DType dtype : kNarrow) {
    std::vector<uint16_t> patterns(65536);
    for (int h = 0; h < 65536; ++h) patterns[h] = static_cast<uint16_t>(h);
    std::vector<float> wide(patterns.size());
    widen(dtype, patterns.data(), patterns.size(), wide.data());
    const auto back = narrowed(dtype, wide);
    for (int h = 0; h < 65536; ++h) {
      const double value = value_of(dtype, patterns[h]);
      if (std::isnan(value)) {
        ASSERT_TRUE(std::isnan(wide[h])) << h;
        ASSERT_TRUE(std::isnan(value_of(dtype, back[h]))) << h;
      } else {
        ASSERT_EQ(wide[h], value) << h;
        ASSERT_EQ(std::signbit(wide[h]), std::signbit(value)) << h;
        ASSERT_EQ(back[h], patterns[h]) << h;
      }
    }
  }
}

TEST(Convert, RoundsToNearestEven) {
  for (DType dtype : kNarrow) {
    // Every midpoint between neighbours, and its float neighbours on both sides.
    const int last = dtype == DType::kBf16 ? 0x7f7e : 0x7bfe;
    std::vector<float> in;
    for (int h = 0; h <= last; h += 3) {
      const double low = value_of(dtype, static_cast<uint16_t>(h));
      const double high = value_of(dtype, static_cast<uint16_t>(h + 1));
      const auto middle = static_cast<float>(low + (high - low) / 2);
      in.insert(in.end(), {std::nextafter(middle, 0.0f), middle,
                           std::nextafter(middle, std::numeric_limits<float>::infinity())});
    }
    const auto out = narrowed(dtype, in);
    size_t k = 0;
    for (int h = 0; h <= last; h += 3) {
      ASSERT_EQ(out[k++], h) << "below the midpoint";
      ASSERT_EQ(out[k++], h % 2 ? h + 1 : h) << "at the midpoint";
      ASSERT_EQ(out[k++], h + 1) << "above the midpoint";
    }
  }
}

TEST(Convert, OverflowsToInfinityAndKeepsNan) {
  const float inf = std::numeric_limits<float>::infinity();
  const float nan = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(narrowed(DType::kF16, {65504, 65519.99f, 65520, 1e30f, -inf}),
            (std::vector<uint16_t>{0x7bff, 0x7bff, 0x7c00, 0x7c00, 0xfc00}));
  EXPECT_EQ(narrowed(DType::kBf16, {std::numeric_limits<float>::max(), inf, -inf}),
            (std::vector<uint16_t>{0x7f80, 0x7f80, 0xff80}));
  for (DType dtype : kNarrow) {
    const std::vector<float> in(100, nan);
    std::vector<uint16_t> out(100);
    narrow_stochastic(dtype, in.data(), 100, CounterRng{3}, out.data());
    for (uint16_t h : out) EXPECT_TRUE(std::isnan(value_of(dtype, h)));
    EXPECT_TRUE(std::isnan(value_of(dtype, narrowed(dtype, in)[0])));
  }
}

TEST(ConvertStochastic, ChoosesANeighbourAndIsExactOnRepresentableNumbers) {
  for (DType dtype : kNarrow) {
    std::vector<float> in = random_floats(1, 3000);
    for (size_t i = 0; i < in.size(); ++i) in[i] *= std::exp2(static_cast<float>(i % 30) - 28);
    std::vector<uint16_t> out(in.size());
    narrow_stochastic(dtype, in.data(), in.size(), CounterRng{5}, out.data());
    std::vector<float> rounded(in.size());
    widen(dtype, out.data(), out.size(), rounded.data());
    for (size_t i = 0; i < in.size(); ++i) {
      const double value = std::abs(in[i]);
      const auto h = static_cast<uint16_t>(out[i] & 0x7fff);
      const double low = value_of(dtype, h == 0 ? 0 : h - 1);
      const double high = value_of(dtype, h + 1);
      ASSERT_TRUE(value_of(dtype, h) <= value ? value < high : low < value) << in[i];
    }
    std::vector<uint16_t> again(in.size());
    narrow_stochastic(dtype, rounded.data(), in.size(), CounterRng{6}, again.data());
    EXPECT_EQ(again, out);
  }
}

TEST(ConvertStochastic, HasTheRightMean) {
  for (DType dtype : kNarrow) {
    for (const float x : {0.3337f, -1.00271f, 5.1e-6f}) {
      const std::vector<float> in(100'000, x);
      std::vector<uint16_t> out(in.size());
      narrow_stochastic(dtype, in.data(), in.size(), CounterRng{11}, out.data());
      double sum = 0;
      for (uint16_t h : out) sum += value_of(dtype, h);
      const double low = value_of(dtype, narrowed(dtype, {std::abs(x)})[0]);
      const double step = value_of(dtype, narrowed(dtype, {std::abs(x)})[0] + 1) - low;
      EXPECT_NEAR(sum / in.size(), x, 0.006 * step) << x;
    }
  }
}

TEST(ConvertStochastic, ElementsDrawFromTheirOwnCounter) {
  // A prefix of a row rounds as the whole row does.
  const auto in = random_floats(2, 200);
  for (DType dtype : kNarrow) {
    std::vector<uint16_t> whole(200), part(67);
    narrow_stochastic(dtype, in.data(), 200, CounterRng{9}, whole.data());
    narrow_stochastic(dtype, in.data(), 67, CounterRng{9}, part.data());
    EXPECT_TRUE(std::equal(part.begin(), part.end(), whole.begin()));
  }
}

TEST(Convert, EmptyAndFp32ArePlainCopies) {
  const auto in = random_floats(4, 33);
  std::vector<float> out(33);
  narrow(DType::kF32, in.data(), 33, out.data());
  EXPECT_EQ(out, in);
  out.assign(33, 0);
  narrow_stochastic(DType::kF32, in.data(), 33, CounterRng{1}, out.data());
  EXPECT_EQ(out, in);
  out.assign(33, 0);
  widen(DType::kF32, in.data(), 33, out.data());
  EXPECT_EQ(out, in);
  widen(DType::kBf16, nullptr, 0, nullptr);
}

}  // namespace
}  // namespace strata::kernels
