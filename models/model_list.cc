#include "models/model_list.h"

namespace strata::models {

std::string_view model_name(const ModelVariant& model) {
  return std::visit([](const auto& m) -> std::string_view { return m.kName; }, model);
}

std::vector<ModelLookup> model_lookups(const ModelVariant& model, const InputSpec& input) {
  return std::visit([&](const auto& m) { return lookups(m, input); }, model);
}

void check_model(const ModelVariant& model, const ModelInput& input) {
  std::visit([&](const auto& m) { check(m, input); }, model);
}

ModelTensors build_model(const ModelVariant& model, const ModelInput& input,
                         dense::Program& program) {
  return std::visit([&](const auto& m) { return build(m, input, program); }, model);
}

}  // namespace strata::models
