#pragma once

#include <cmath>
#include <string_view>

#include "base/fields.h"
#include "kernels/lanes.h"
#include "kernels/optimizers/bias_correction.h"
#include "kernels/optimizers/learning_rate.h"

namespace strata::kernels {

/// Adam, step t counted from 1 over the whole run (not per row), as torch.optim.SparseAdam does.
///   m_i <- m_i + (1 - beta1) * (g_i - m_i)
///   v_i <- beta2 * v_i + (1 - beta2) * g_i^2
///   w_i <- w_i - lr / (1 - beta1^t) * m_i / (sqrt(v_i) / sqrt(1 - beta2^t) + eps)
/// Source: Kingma & Ba 2015; equal to torch.optim.Adam. State: m [dim], v [dim], start at 0.
struct Adam {
  static constexpr std::string_view kName = "adam";
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

  static constexpr int state_floats(int dim) { return 2 * dim; }
  STRATA_HD STRATA_ALWAYS_INLINE void init_state(const float* /*w*/, float* s, int dim) const {
    for (int i = 0; i < 2 * dim; ++i) s[i] = 0;
  }
  Adam at_step(int64_t step, float rate) const {
    Adam out = *this;
    out.learning_rate = rate;
    out.correction = BiasCorrection::at_step(step, beta1, beta2);
    return out;
  }

  template <class Gradient, class Lanes>
  STRATA_HD STRATA_ALWAYS_INLINE void update(float* w, float* s, const Gradient& g, int dim,
                                             Lanes lanes) const {
    float* first = s;
    float* second = s + dim;
    const float step_size = learning_rate * correction.first;
    const float root = correction.second_root;
    const float keep = beta2;
    const float take1 = 1 - beta1;
    const float take2 = 1 - beta2;
    const float eps = epsilon;
    lanes.for_each(dim, [=](int i) STRATA_LAMBDA_INLINE {
      const float gi = g[i];
      const float m = first[i] + take1 * (gi - first[i]);
      const float v = keep * second[i] + take2 * gi * gi;
      first[i] = m;
      second[i] = v;
      w[i] -= step_size * m / (std::sqrt(v) * root + eps);
    });
  }
};

}  // namespace strata::kernels
