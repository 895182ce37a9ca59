#pragma once

#include <string_view>
#include <vector>

#include "base/fields.h"
#include "models/model_input.h"

namespace strata::models {

/// The wide part alone: one weight per feature value, and a bias.
struct LogisticRegression {
  static constexpr std::string_view kName = "logistic_regression";
  template <class V>
  void visit(V&) {}
};

std::vector<ModelLookup> lookups(const LogisticRegression& model, const InputSpec& input);
void check(const LogisticRegression& model, const ModelInput& input);
ModelTensors build(const LogisticRegression& model, const ModelInput& input,
                   dense::Program& program);

}  // namespace strata::models
