#pragma once

#include <cmath>
#include <cstdint>

#include "base/fields.h"

namespace strata::kernels {

inline constexpr FieldSpec kBetaSpec = {
    .doc = "Decay of the running moment; below 1.", .min = 0, .max = 0.99999999};

/// What Adam's zero-started moments must be multiplied by at step t: constants of the step.
struct BiasCorrection {
  float first = 1;        // 1 / (1 - beta1^t)
  float second_root = 1;  // 1 / sqrt(1 - beta2^t)

  /// `step` >= 1. Computed in double on the host, once per step.
  static BiasCorrection at_step(int64_t step, float beta1, float beta2) {
    return {.first = static_cast<float>(1 / one_minus_power(beta1, step)),
            .second_root = static_cast<float>(1 / std::sqrt(one_minus_power(beta2, step)))};
  }

 private:
  static double one_minus_power(float beta, int64_t step) {
    // beta^step <= exp(-step * (1 - beta)); below exp(-20) it is lost in the rounding to float.
    const double exponent = static_cast<double>(step) * (1.0 - beta);
    return exponent > 20 ? 1.0 : 1.0 - std::pow(static_cast<double>(beta), step);
  }
};

}  // namespace strata::kernels
