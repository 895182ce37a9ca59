#pragma once
// The list of models: the one place that names them all.

#include <string_view>
#include <variant>
#include <vector>

#include "models/dcnv2.h"
#include "models/deepfm.h"
#include "models/dlrm.h"
#include "models/logistic_regression.h"
#include "models/model_input.h"
#include "models/wide_deep.h"

namespace strata::models {

/// The YAML group `model`; `name` selects the alternative.  <- the one line to add
using ModelVariant = std::variant<Dlrm, WideDeep, DeepFm, Dcnv2, LogisticRegression>;

/// The model's name in YAML and manifests.
std::string_view model_name(const ModelVariant& model);

/// The lookups of a model over this input, deep ones first; the order fixes the pooled matrix.
std::vector<ModelLookup> model_lookups(const ModelVariant& model, const InputSpec& input);

/// Throws ConfigFaults for what the input lacks and for shapes that do not fit.
void check_model(const ModelVariant& model, const ModelInput& input);

/// Adds the layers and parameters of a model that check_model() accepts to the program.
ModelTensors build_model(const ModelVariant& model, const ModelInput& input,
                         dense::Program& program);

}  // namespace strata::models
