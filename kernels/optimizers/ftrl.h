#pragma once

#include <cmath>
#include <string_view>

#include "base/fields.h"
#include "kernels/lanes.h"
#include "kernels/optimizers/learning_rate.h"

namespace strata::kernels {

/// FTRL-Proximal, per coordinate; alpha is the learning rate.
///   sigma <- (sqrt(n_i + g_i^2) - sqrt(n_i)) / alpha
///   z_i   <- z_i + g_i - sigma * w_i
///   n_i   <- n_i + g_i^2
///   w_i   <- 0                                                          if |z_i| <= l1
///            -(z_i - sign(z_i) * l1) / ((beta + sqrt(n_i)) / alpha + l2)   otherwise
/// A weight is a function of (z, n); init_state sets z so that this holds for the first weight
/// too. A zero gradient leaves the coordinate as it is (the paper visits non-zero coordinates).
/// Source: McMahan et al. 2013, "Ad Click Prediction: a View from the Trenches", algorithm 1.
/// State: z [dim], n [dim]; n starts at initial_accumulator.
struct Ftrl {
  static constexpr std::string_view kName = "ftrl";
  static constexpr bool kZeroGradientIsNoop = true;
  static constexpr bool kOwnsRegularisation = true;  // l1 and l2 are part of the closed form
  float learning_rate = 0.05f;
  float beta = 1;
  float l1 = 0;
  float l2 = 0;
  float initial_accumulator = 0;

  template <class V>
  void visit(V& v) {
    v("learning_rate", learning_rate, kLearningRateSpec);
    v("beta", beta, {.doc = "Damps the first steps of a coordinate.", .min = 0});
    v("l1", l1, {.doc = "L1 strength; coordinates with |z| <= l1 are exactly 0.", .min = 0});
    v("l2", l2, {.doc = "L2 strength of the proximal step.", .min = 0});
    v("initial_accumulator", initial_accumulator,
      {.doc = "Sum of squares a new row starts with.", .min = 0});
  }

  static constexpr int state_floats(int dim) { return 2 * dim; }
  STRATA_HD STRATA_ALWAYS_INLINE void init_state(const float* w, float* s, int dim) const {
    const float strength = (beta + std::sqrt(initial_accumulator)) / learning_rate + l2;
    for (int i = 0; i < dim; ++i) {
      s[i] = w[i] == 0 ? 0.0f : -w[i] * strength - std::copysign(l1, w[i]);
      s[dim + i] = initial_accumulator;
    }
  }
  Ftrl at_step(int64_t /*step*/, float rate) const {
    Ftrl out = *this;
    out.learning_rate = rate;
    return out;
  }

  template <class Gradient, class Lanes>
  STRATA_HD STRATA_ALWAYS_INLINE void update(float* w, float* s, const Gradient& g, int dim,
                                             Lanes lanes) const {
    float* z = s;
    float* n = s + dim;
    const float inverse_rate = 1 / learning_rate;
    const float lasso = l1;
    const float ridge = beta * inverse_rate + l2;
    lanes.for_each(dim, [=](int i) STRATA_LAMBDA_INLINE {
      const float gi = g[i];
      const float wi = w[i];
      const float squares = n[i] + gi * gi;
      const float root = std::sqrt(squares);
      const float sigma = (root - std::sqrt(n[i])) * inverse_rate;
      const float zi = z[i] + gi - sigma * wi;
      z[i] = zi;
      n[i] = squares;
      const float beyond = zi - std::copysign(lasso, zi);
      const float next = std::abs(zi) <= lasso ? 0.0f : -beyond / (root * inverse_rate + ridge);
      w[i] = gi == 0 ? wi : next;
    });
  }
};

}  // namespace strata::kernels
