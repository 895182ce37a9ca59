#pragma once

#include <string_view>
#include <vector>

#include "base/fields.h"
#include "models/model_input.h"

namespace strata::models {

/// Guo et al. 2017: first order, factorisation machine and MLP over shared embeddings.
struct DeepFm {
  static constexpr std::string_view kName = "deepfm";
  std::vector<int> hidden = {400, 400, 400};
  float dropout = 0;
  bool batch_norm = false;

  template <class V>
  void visit(V& v) {
    v("hidden", hidden, {.doc = "Widths of the deep part's hidden layers.", .min = 1});
    v("dropout", dropout,
      {.doc = "Share of hidden units dropped in training.", .min = 0, .max = 0.99});
    v("batch_norm", batch_norm, {.doc = "Batch normalisation after each hidden layer."});
  }
};

std::vector<ModelLookup> lookups(const DeepFm& model, const InputSpec& input);
void check(const DeepFm& model, const ModelInput& input);
ModelTensors build(const DeepFm& model, const ModelInput& input, dense::Program& program);

}  // namespace strata::models
