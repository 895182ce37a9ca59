#pragma once

#include <cstdint>
#include <string_view>
#include <utility>

#include "base/fields.h"

namespace strata::kernels {

/// What follows a linear layer, fused into its matrix product.
enum class Activation : uint8_t { kIdentity, kRelu, kSigmoid };

}  // namespace strata::kernels

template <>
struct strata::EnumNames<strata::kernels::Activation> {
  using enum strata::kernels::Activation;
  static constexpr std::pair<strata::kernels::Activation, std::string_view> kNames[] = {
      {kIdentity, "identity"}, {kRelu, "relu"}, {kSigmoid, "sigmoid"}};
};
