#pragma once
// The dense part of a network as an ONNX model. Every layer says what it computes
// (dense::Layer::describe), so a new model needs nothing here; a new kind of layer needs one
// function.

#include <nlohmann/json.hpp>
#include <string>

#include "models/network.h"

namespace strata::serving {

/// dense/model.onnx and what its inputs are.
struct OnnxModel {
  std::string bytes;
  /// [{name, feature, table, pooling, width}]: what a server puts into each input besides `dense`.
  nlohmann::ordered_json inputs;
};

/// Inputs: `dense` [N, I] (absent where the model reads none) and one pooled vector [N, D] per
/// lookup: of a feature's deep table under the feature's name, of its wide table as
/// `wide_<feature>`. Output: `logit` [N, 1]. fp32 whatever the network's precision is.
OnnxModel make_onnx(const models::Network& network);

}  // namespace strata::serving
