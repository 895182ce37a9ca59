#pragma once

#include <cmath>
#include <string_view>

#include "base/fields.h"
#include "kernels/lanes.h"
#include "kernels/optimizers/bias_correction.h"
#include "kernels/optimizers/learning_rate.h"

namespace strata::kernels {

/// Row-wise Adam: a full first moment, one second moment v per row of width dim.
///   m_i <- m_i + (1 - beta1) * (g_i - m_i)
///   v   <- beta2 * v + (1 - beta2) * mean_i(g_i^2)
///   w_i <- w_i - lr / (1 - beta1^t) * m_i / (sqrt(v) / sqrt(1 - beta2^t) + eps)
/// Source: Kingma & Ba 2015, row-averaged as fbgemm PARTIAL_ROWWISE_ADAM; t as in Adam.
/// State: m [dim], v [1], start at 0.
struct RowwiseAdam {
  static constexpr std::string_view kName = "rowwise_adam";
  static constexpr bool kZeroGradientIsNoop = false;
  float learning_rate = 0.001f;
  float beta1 = 0.9f;
  float beta2 = 0.999f;
  float epsilon = 1e-8f;
  BiasCorrection correction = {};  // of this step; not configured

  template <class V>
  void visit(V& v) {
    v("learning_rate", learning_rate, kLearningRateSpec);
    v("beta1", beta1, kBetaSpec);
    v("beta2", beta2, kBetaSpec);
    v("epsilon", epsilon,
      {.doc = "Added to the root; bounds the step.", .min = 0, .above_min = true});
  }

  static constexpr int state_floats(int dim) { return dim + 1; }
  STRATA_HD STRATA_ALWAYS_INLINE void init_state(const float* /*w*/, float* s, int dim) const {
    for (int i = 0; i < dim + 1; ++i) s[i] = 0;
  }
  RowwiseAdam at_step(int64_t step, float rate) const {
    RowwiseAdam out = *this;
    out.learning_rate = rate;
    out.correction = BiasCorrection::at_step(step, beta1, beta2);
    return out;
  }

  template <class Gradient, class Lanes>
  STRATA_HD STRATA_ALWAYS_INLINE void update(float* w, float* s, const Gradient& g, int dim,
                                             Lanes lanes) const {
    const float squares = lanes.sum(dim, [=](int i) STRATA_LAMBDA_INLINE {
      const float gi = g[i];
      return gi * gi;
    });
    const float v = beta2 * s[dim] + (1 - beta2) * (squares / static_cast<float>(dim));
    s[dim] = v;
    const float take = 1 - beta1;
    const float step_size =
        learning_rate * correction.first / (std::sqrt(v) * correction.second_root + epsilon);
    lanes.for_each(dim, [=](int i) STRATA_LAMBDA_INLINE {
      const float m = s[i] + take * (g[i] - s[i]);
      s[i] = m;
      w[i] -= step_size * m;
    });
  }
};

}  // namespace strata::kernels
