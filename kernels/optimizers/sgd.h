#pragma once

#include <string_view>

#include "base/fields.h"
#include "kernels/lanes.h"
#include "kernels/optimizers/learning_rate.h"

namespace strata::kernels {

/// Stochastic gradient descent.
///   w_i <- w_i - lr * g_i
/// Source: Robbins & Monro 1951; equal to torch.optim.SGD. No state.
struct Sgd {
  static constexpr std::string_view kName = "sgd";
  static constexpr bool kZeroGradientIsNoop = true;
  float learning_rate = 0.01f;

  template <class V>
  void visit(V& v) {
    v("learning_rate", learning_rate, kLearningRateSpec);
  }

  static constexpr int state_floats(int /*dim*/) { return 0; }
  STRATA_HD STRATA_ALWAYS_INLINE void init_state(const float* /*w*/, float* /*s*/,
                                                 int /*dim*/) const {}
  Sgd at_step(int64_t /*step*/, float rate) const {
    Sgd out = *this;
    out.learning_rate = rate;
    return out;
  }

  template <class Gradient, class Lanes>
  STRATA_HD STRATA_ALWAYS_INLINE void update(float* w, float* /*s*/, const Gradient& g, int dim,
                                             Lanes lanes) const {
    const float rate = learning_rate;
    lanes.for_each(dim, [=](int i) STRATA_LAMBDA_INLINE { w[i] -= rate * g[i]; });
  }
};

}  // namespace strata::kernels
