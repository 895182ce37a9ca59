#pragma once

#include <cstdint>
#include <string_view>
#include <utility>

#include "base/fields.h"

namespace strata::train {

/// Evaluation metrics that early stopping and the plateau schedule can watch.
enum class EvalMetric : uint8_t { kAuc, kLogloss, kNe, kGauc };

/// True where larger is better.
constexpr bool larger_is_better(EvalMetric metric) {
  return metric == EvalMetric::kAuc || metric == EvalMetric::kGauc;
}

}  // namespace strata::train

template <>
struct strata::EnumNames<strata::train::EvalMetric> {
  using enum strata::train::EvalMetric;
  static constexpr std::pair<strata::train::EvalMetric, std::string_view> kNames[] = {
      {kAuc, "auc"}, {kLogloss, "logloss"}, {kNe, "ne"}, {kGauc, "gauc"}};
};
