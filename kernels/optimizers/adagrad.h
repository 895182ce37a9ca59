#pragma once

#include <cmath>
#include <string_view>

#include "base/fields.h"
#include "kernels/lanes.h"
#include "kernels/optimizers/learning_rate.h"

namespace strata::kernels {

/// Adagrad: one accumulator per element.
///   s_i <- s_i + g_i^2
///   w_i <- w_i - lr * g_i / (sqrt(s_i) + eps)
/// Source: Duchi et al. 2011; equal to torch.optim.Adagrad(lr_decay=0): eps outside the root.
/// State: s [dim], starts at initial_accumulator.
struct Adagrad {
  static constexpr std::string_view kName = "adagrad";
  static constexpr bool kZeroGradientIsNoop = true;
  float learning_rate = 0.01f;
  float epsilon = 1e-10f;
  float initial_accumulator = 0;

  template <class V>
  void visit(V& v) {
    v("learning_rate", learning_rate, kLearningRateSpec);
    v("epsilon", epsilon,
      {.doc = "Added to the root; keeps the first step finite.", .min = 0, .above_min = true});
    v("initial_accumulator", initial_accumulator,
      {.doc = "Sum of squares a new row starts with; larger damps the first steps.", .min = 0});
  }

  static constexpr int state_floats(int dim) { return dim; }
  STRATA_HD STRATA_ALWAYS_INLINE void init_state(const float* /*w*/, float* s, int dim) const {
    for (int i = 0; i < dim; ++i) s[i] = initial_accumulator;
  }
  Adagrad at_step(int64_t /*step*/, float rate) const {
    Adagrad out = *this;
    out.learning_rate = rate;
    return out;
  }

  template <class Gradient, class Lanes>
  STRATA_HD STRATA_ALWAYS_INLINE void update(float* w, float* s, const Gradient& g, int dim,
                                             Lanes lanes) const {
    const float rate = learning_rate;
    const float eps = epsilon;
    lanes.for_each(dim, [=](int i) STRATA_LAMBDA_INLINE {
      const float gi = g[i];
      const float sum = s[i] + gi * gi;
      s[i] = sum;
      w[i] -= rate * gi / (std::sqrt(sum) + eps);
    });
  }
};

}  // namespace strata::kernels
