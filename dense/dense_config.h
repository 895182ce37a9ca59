#pragma once

#include <cstdint>
#include <string_view>
#include <utility>

#include "base/fields.h"
#include "kernels/optimizer_config.h"

namespace strata::dense {

/// Number format of the matrix products. Master weights, sums and bias gradients are always fp32.
enum class Precision : uint8_t { kFp32, kBf16 };

/// The YAML group `dense`: everything about the dense part but its shape, which is the model's.
struct DenseConfig {
  kernels::OptimizerConfig optimizer{.algorithm = kernels::Sgd{.learning_rate = 0.1f}};
  Precision precision = Precision::kFp32;

  template <class V>
  void visit(V& v) {
    v("optimizer", optimizer, {.doc = "Optimizer of all dense weights, by name."});
    v("precision", precision,
      {.doc = "fp32, or bf16: matrix products in bfloat16 with fp32 master weights and sums."});
  }
};

}  // namespace strata::dense

template <>
struct strata::EnumNames<strata::dense::Precision> {
  using enum strata::dense::Precision;
  static constexpr std::pair<strata::dense::Precision, std::string_view> kNames[] = {
      {kFp32, "fp32"}, {kBf16, "bf16"}};
};
