#include "kernels/gemm.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "base/check.h"
#include "base/hash.h"
#include "kernels/convert.h"
#include "kernels/gemm_plain.h"

namespace strata::kernels {
namespace {

/// A matrix in either type with room behind each row, and the same numbers in double.
struct Matrix {
  int64_t stride;
  AlignedVector<float> f32;
  AlignedVector<uint16_t> bf16;
  std::vector<double> exact;
  DType dtype;

  Matrix(int64_t rows, int64_t cols, DType type, uint64_t seed) : stride(cols + 3), dtype(type) {
    const CounterRng random{seed};
    for (int64_t i = 0; i < rows * stride; ++i) {
      const float v = 2 * random.uniform(i) - 1;
      const uint16_t narrow = f32_to_bf16(v);
      f32.push_back(v);
      bf16.push_back(narrow);
      exact.push_back(type == DType::kBf16 ? bf16_to_f32(narrow) : v);
    }
    f32.resize(f32.size() + 64);
    bf16.resize(bf16.size() + 64);
  }
  void* data() {
    return dtype == DType::kBf16 ? static_cast<void*>(bf16.data()) : static_cast<void*>(f32.data());
  }
  double at(int64_t r, int64_t c) const {
    const int64_t i = r * stride + c;
    return dtype == DType::kBf16 ? bf16_to_f32(bf16[i]) : f32[i];
  }
};

double activate(double x, Activation activation) {
  if (activation == Activation::kRelu) return x > 0 ? x : 0;
  return activation == Activation::kSigmoid ? 1 / (1 + std::exp(-x)) : x;
}

/// Operands of one product; the stored shapes follow the transpositions.
struct Product {
  GemmShape shape;
  Matrix a, b, c;
  std::vector<float> bias;

  explicit Product(GemmShape s)
      : shape(s),
        a(s.transpose_a ? s.k : s.m, s.transpose_a ? s.m : s.k, s.input, 1),
        b(s.transpose_b ? s.n : s.k, s.transpose_b ? s.k : s.n, s.input, 2),
        c(s.m, s.n, s.output, 3) {
    shape.a_stride = a.stride;
    shape.b_stride = b.stride;
    shape.c_stride = c.stride;
    for (int64_t j = 0; j < s.n; ++j) bias.push_back(0.1f * static_cast<float>(j % 7));
  }
  GemmOperands operands() {
    return {.a = a.data(), .b = b.data(), .bias = bias.data(), .c = c.data()};
  }
  double expected(int64_t i, int64_t j) const {
    double sum = shape.accumulate ? c.exact[i * c.stride + j] : shape.bias ? bias[j] : 0;
    for (int64_t p = 0; p < shape.k; ++p) {
      sum += a.exact[shape.transpose_a ? p * a.stride + i : i * a.stride + p] *
             b.exact[shape.transpose_b ? j * b.stride + p : p * b.stride + j];
    }
    return activate(sum, shape.activation);
  }
  void expect_right(const char* what) const {
    const double tolerance = shape.output == DType::kBf16 ? 0.01 : 1e-5;
    for (int64_t i = 0; i < shape.m; ++i) {
      for (int64_t j = 0; j < shape.n; ++j) {
        const double want = expected(i, j);
        ASSERT_NEAR(c.at(i, j), want, tolerance * (1 + std::abs(want)))
            << what << ' ' << i << ' ' << j;
      }
    }
    for (int64_t i = 0; i < shape.m; ++i) {  // what is behind a row stays
      ASSERT_EQ(c.at(i, shape.n), c.exact[i * c.stride + shape.n]) << what;
    }
  }
};

class Gemms : public testing::TestWithParam<std::tuple<DType, DType, bool, bool>> {};
INSTANTIATE_TEST_SUITE_P(Types, Gemms,
                         testing::Combine(testing::Values(DType::kF32, DType::kBf16),
                                          testing::Values(DType::kF32, DType::kBf16),
                                          testing::Bool(), testing::Bool()));

TEST_P(Gemms, LibraryAndPlainLoopsEqualTheDoubleProduct) {
  const auto [input, output, transpose_a, transpose_b] = GetParam();
  if (input == DType::kF32 && output == DType::kBf16) return;  // no layer makes it
  Gemm gemm;
  AlignedVector<float> row;
  for (const int64_t m : {1, 3, 33}) {
    for (const int64_t n : {1, 16, 17}) {
      for (const int64_t k : {0, 1, 13, 64}) {
        for (const int mode : {0, 1, 2, 3}) {
          GemmShape shape{.m = m, .n = n, .k = k};
          shape.transpose_a = transpose_a;
          shape.transpose_b = transpose_b;
          shape.input = input;
          shape.output = output;
          shape.accumulate = mode == 1;
          shape.bias = mode >= 2;
          shape.activation = mode == 3   ? Activation::kSigmoid
                             : mode == 2 ? Activation::kRelu
                                         : Activation::kIdentity;
          Product library(shape);
          gemm.run(library.shape, library.operands());
          library.expect_right("library");
          Product plain(shape);
          gemm_plain(plain.shape, plain.operands(), row);
          plain.expect_right("plain");
        }
      }
    }
  }
}

/// A number that is not finite, on its way to the loss, must not become an ordinary one.
TEST_P(Gemms, NoActivationHidesANan) {
  const auto [input, output, transpose_a, transpose_b] = GetParam();
  if (input == DType::kF32 && output == DType::kBf16) return;  // no layer makes it
  const float infinity = std::numeric_limits<float>::infinity();
  for (const Activation activation :
       {Activation::kIdentity, Activation::kRelu, Activation::kSigmoid}) {
    GemmShape shape{.m = 5, .n = 33, .k = 40, .transpose_a = transpose_a};
    shape.transpose_b = transpose_b;
    shape.input = input;
    shape.output = output;
    shape.bias = true;
    shape.activation = activation;
    for (const bool plain : {false, true}) {
      Product product(shape);
      const auto spoil = [](Matrix& matrix, int64_t at, float value) {
        matrix.f32[at] = value;
        matrix.bf16[at] = f32_to_bf16(value);
      };
      spoil(product.a, 0, std::nanf(""));  // row 0, times an ordinary matrix
      spoil(product.a, transpose_a ? 1 : product.a.stride, infinity);  // row 1, times column 0: 0
      for (int64_t j = 0; j < shape.n; ++j) {
        spoil(product.b, transpose_b ? j * product.b.stride : j, 0.0f);
      }
      Gemm gemm;
      AlignedVector<float> row;
      plain ? gemm_plain(product.shape, product.operands(), row)
            : gemm.run(product.shape, product.operands());
      for (int64_t j = 0; j < shape.n; ++j) {
        EXPECT_TRUE(std::isnan(product.c.at(0, j))) << plain << int(activation) << ' ' << j;
        EXPECT_TRUE(std::isnan(product.c.at(1, j))) << plain << int(activation) << ' ' << j;
        EXPECT_TRUE(std::isfinite(product.c.at(2, j))) << plain << int(activation) << ' ' << j;
      }
    }
  }
}

TEST(Gemm, EmptyProductsTouchNothing) {
  Gemm gemm;
  Product p(GemmShape{.m = 0, .n = 4, .k = 3});
  gemm.run(p.shape, p.operands());
  Product q(GemmShape{.m = 4, .n = 0, .k = 3});
  gemm.run(q.shape, q.operands());
  for (int64_t i = 0; i < 4 * q.c.stride; ++i) EXPECT_EQ(q.c.f32[i], q.c.exact[i]);
}

TEST(Gemm, StridesThatDoNotHoldARowAreProgrammerErrors) {
  Gemm gemm;
  Product p(GemmShape{.m = 2, .n = 4, .k = 3});
  p.shape.c_stride = 3;
  EXPECT_THROW(gemm.run(p.shape, p.operands()), CheckFailure);
}

TEST(Gemm, TheSameProductGivesTheSameBitsInAnotherObject) {
  GemmShape shape{.m = 37, .n = 40, .k = 129};
  Product first(shape);
  Product second(shape);
  Gemm one;
  Gemm two;
  one.run(first.shape, first.operands());
  one.run(first.shape, first.operands());
  two.run(second.shape, second.operands());
  EXPECT_EQ(first.c.f32, second.c.f32);
}

}  // namespace
}  // namespace strata::kernels
