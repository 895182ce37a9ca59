#pragma once

#include <string_view>

#include "base/fields.h"
#include "kernels/lanes.h"
#include "kernels/optimizers/learning_rate.h"

namespace strata::kernels {

/// Heavy-ball momentum, or Nesterov's.
///   m_i <- momentum * m_i + g_i
///   w_i <- w_i - lr * m_i                       (heavy ball)
///   w_i <- w_i - lr * (g_i + momentum * m_i)    (nesterov)
/// Source: Polyak 1964, Sutskever et al. 2013; equal to torch.optim.SGD(momentum, dampening=0).
/// State: m [dim], starts at 0.
struct Momentum {
  static constexpr std::string_view kName = "momentum";
  static constexpr bool kZeroGradientIsNoop = false;
  float learning_rate = 0.01f;
  float momentum = 0.9f;
  bool nesterov = false;

  template <class V>
  void visit(V& v) {
    v("learning_rate", learning_rate, kLearningRateSpec);
    v("momentum", momentum,
      {.doc = "Share of the last direction that is kept; below 1.", .min = 0, .max = 0.999999});
    v("nesterov", nesterov, {.doc = "Look ahead along the direction (Nesterov)."});
  }

  static constexpr int state_floats(int dim) { return dim; }
  STRATA_HD STRATA_ALWAYS_INLINE void init_state(const float* /*w*/, float* s, int dim) const {
    for (int i = 0; i < dim; ++i) s[i] = 0;
  }
  Momentum at_step(int64_t /*step*/, float rate) const {
    Momentum out = *this;
    out.learning_rate = rate;
    return out;
  }

  template <class Gradient, class Lanes>
  STRATA_HD STRATA_ALWAYS_INLINE void update(float* w, float* s, const Gradient& g, int dim,
                                             Lanes lanes) const {
    const float rate = learning_rate;
    const float mu = momentum;
    if (nesterov) {
      lanes.for_each(dim, [=](int i) STRATA_LAMBDA_INLINE {
        const float gi = g[i];
        const float m = mu * s[i] + gi;
        s[i] = m;
        w[i] -= rate * (gi + mu * m);
      });
    } else {
      lanes.for_each(dim, [=](int i) STRATA_LAMBDA_INLINE {
        const float m = mu * s[i] + g[i];
        s[i] = m;
        w[i] -= rate * m;
      });
    }
  }
};

}  // namespace strata::kernels
