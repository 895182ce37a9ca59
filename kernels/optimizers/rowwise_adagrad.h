#pragma once

#include <cmath>
#include <string_view>

#include "base/fields.h"
#include "kernels/lanes.h"
#include "kernels/optimizers/learning_rate.h"

namespace strata::kernels {

/// Row-wise Adagrad: one accumulator s per row of width dim.
///   s   <- s + mean_i(g_i^2)
///   w_i <- w_i - lr * g_i / (sqrt(s) + eps)
/// Source: Duchi et al. 2011, row-averaged as in DLRM and fbgemm EXACT_ROWWISE_ADAGRAD.
/// State: 1 float per row, starts at initial_accumulator.
struct RowwiseAdagrad {
  static constexpr std::string_view kName = "rowwise_adagrad";
  static constexpr bool kZeroGradientIsNoop = true;
  float learning_rate = 0.01f;
  float epsilon = 1e-8f;
  float initial_accumulator = 0;

  template <class V>
  void visit(V& v) {
    v("learning_rate", learning_rate, kLearningRateSpec);
    v("epsilon", epsilon,
      {.doc = "Added to the root; keeps the first step finite.", .min = 0, .above_min = true});
    v("initial_accumulator", initial_accumulator,
      {.doc = "Sum of squares a new row starts with; larger damps the first steps.", .min = 0});
  }

  static constexpr int state_floats(int /*dim*/) { return 1; }
  STRATA_HD STRATA_ALWAYS_INLINE void init_state(const float* /*w*/, float* s, int /*dim*/) const {
    s[0] = initial_accumulator;
  }
  RowwiseAdagrad at_step(int64_t /*step*/, float rate) const {
    RowwiseAdagrad out = *this;
    out.learning_rate = rate;
    return out;
  }

  template <class Gradient, class Lanes>
  STRATA_HD STRATA_ALWAYS_INLINE void update(float* w, float* s, const Gradient& g, int dim,
                                             Lanes lanes) const {
    const float squares = lanes.sum(dim, [=](int i) STRATA_LAMBDA_INLINE {
      const float gi = g[i];
      return gi * gi;
    });
    const float sum = s[0] + squares / static_cast<float>(dim);
    s[0] = sum;
    const float rate = learning_rate / (std::sqrt(sum) + epsilon);
    lanes.for_each(dim, [=](int i) STRATA_LAMBDA_INLINE { w[i] -= rate * g[i]; });
  }
};

}  // namespace strata::kernels
