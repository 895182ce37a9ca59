#include "kernels/bce.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "base/check.h"
#include "tests/kernels/row_arena.h"

namespace strata::kernels {
namespace {

/// -log of the probability of the label, in long double.
double naive_term(double x, double y) {
  const long double p = 1 / (1 + std::exp(-static_cast<long double>(x)));
  return static_cast<double>(-y * std::log(p) - (1 - y) * std::log1p(-p));
}

struct Slice {
  explicit Slice(size_t n) : logits(random_floats(1, n)), labels(n), weights(n) {
    for (size_t i = 0; i < n; ++i) {
      logits[i] *= 8;
      labels[i] = i % 3 == 0;
      weights[i] = 0.25f + static_cast<float>(i % 5);
    }
  }
  BceArgs args() const {
    return {.logits = logits, .labels = labels, .weights = weights, .batch_samples = 64};
  }
  std::vector<float> logits, labels, weights;
};

TEST(Bce, EqualsTheNaiveFormula) {
  for (size_t n : {0, 1, 31, 32, 33, 1000}) {
    const Slice slice(n);
    std::vector<float> d(n);
    const BceSum sum = bce(slice.args(), d.data());
    double loss = 0, weight = 0;
    for (size_t i = 0; i < n; ++i) {
      loss += slice.weights[i] * naive_term(slice.logits[i], slice.labels[i]);
      weight += slice.weights[i];
      const double p = 1 / (1 + std::exp(-static_cast<double>(slice.logits[i])));
      ASSERT_NEAR(d[i], slice.weights[i] * (p - slice.labels[i]) / 64, 1e-8);
    }
    EXPECT_NEAR(sum.loss, loss, 1e-9 * (1 + loss));
    EXPECT_EQ(sum.weight, weight);
    EXPECT_EQ(sum.first_non_finite, -1);
    EXPECT_EQ(bce_loss(slice.args()).loss, sum.loss);
  }
}

TEST(Bce, GradientIsTheDerivativeOfTheLoss) {
  for (double x : {-20.0, -3.0, -1e-3, 0.0, 0.5, 7.0}) {
    for (double y : {0.0, 1.0, 0.3}) {
      const double h = 1e-5;
      const double slope = (bce_term(x + h, y) - bce_term(x - h, y)) / (2 * h);
      EXPECT_NEAR(sigmoid(x) - y, slope, 1e-8);
    }
  }
}

TEST(Bce, StaysFiniteForHugeLogits) {
  const std::vector<float> logits = {1e30f, -1e30f, 3e38f};
  const std::vector<float> labels = {1, 0, 1};
  std::vector<float> d(3);
  const BceSum sum =
      bce({.logits = logits, .labels = labels, .weights = {}, .batch_samples = 3}, d.data());
  EXPECT_EQ(sum.loss, 0);
  EXPECT_EQ(sum.first_non_finite, -1);
  EXPECT_EQ(d, (std::vector<float>{0, 0, 0}));
  EXPECT_EQ(sum.weight, 3);
}

TEST(Bce, NamesTheFirstSampleThatIsNotFinite) {
  Slice slice(10);
  slice.logits[4] = std::numeric_limits<float>::quiet_NaN();
  slice.logits[7] = std::numeric_limits<float>::infinity();
  EXPECT_EQ(bce_loss(slice.args()).first_non_finite, 4);
  slice.logits[4] = 0;
  EXPECT_EQ(bce_loss(slice.args()).first_non_finite, 7);
  slice.labels[7] = 1;  // the loss term alone would not show it
  EXPECT_EQ(bce_loss(slice.args()).first_non_finite, 7);
}

TEST(Bce, GradientMayOverwriteTheLogits) {
  Slice slice(33);
  std::vector<float> d(33);
  bce(slice.args(), d.data());
  bce(slice.args(), slice.logits.data());
  EXPECT_EQ(slice.logits, d);
}

TEST(Bce, RefusesUnequalLengths) {
  Slice slice(3);
  slice.labels.pop_back();
  EXPECT_THROW(bce_loss(slice.args()), CheckFailure);
}

}  // namespace
}  // namespace strata::kernels
