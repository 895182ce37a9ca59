#pragma once

#include <cmath>
#include <cstdint>
#include <string_view>
#include <utility>

#include "base/fields.h"
#include "base/isa.h"

namespace strata::kernels {

/// What follows a linear layer, fused into its matrix product.
enum class Activation : uint8_t { kIdentity, kRelu, kSigmoid };

/// act(z). A NaN stays one under every activation: what is not finite must reach the loss.
STRATA_ALWAYS_INLINE float activate(float z, Activation activation) {
  switch (activation) {
    case Activation::kRelu:
      return z <= 0 ? 0 : z;
    case Activation::kSigmoid:
      return 1 / (1 + std::exp(-z));
    case Activation::kIdentity:
      break;
  }
  return z;
}

/// act'(z), expressed by y = act(z).
STRATA_ALWAYS_INLINE float slope(float y, Activation activation) {
  switch (activation) {
    case Activation::kRelu:
      return y <= 0 ? 0.0f : 1.0f;
    case Activation::kSigmoid:
      return y * (1 - y);
    case Activation::kIdentity:
      break;
  }
  return 1;
}

}  // namespace strata::kernels

template <>
struct strata::EnumNames<strata::kernels::Activation> {
  using enum strata::kernels::Activation;
  static constexpr std::pair<strata::kernels::Activation, std::string_view> kNames[] = {
      {kIdentity, "identity"}, {kRelu, "relu"}, {kSigmoid, "sigmoid"}};
};
