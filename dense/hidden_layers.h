#pragma once

#include <string>
#include <vector>

#include "dense/program.h"

namespace strata::dense {

/// The hidden layers of a deep part: per width Linear, then batch norm (optional), ReLU, dropout
/// (optional). Linear i is name.i; its batch norm is name_norm.i.
struct HiddenConfig {
  std::string name;
  std::vector<int> widths;
  float dropout = 0;
  bool batch_norm = false;
};

/// Returns the last hidden layer's output, `in` itself when there is none.
Tensor add_hidden_layers(Program& program, Tensor in, const HiddenConfig& config);

/// The hidden layers and a Linear to one number, name.<widths.size()>: y [B, 1].
Tensor add_deep_logit(Program& program, Tensor in, const HiddenConfig& config);

}  // namespace strata::dense
