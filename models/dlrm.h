#pragma once

#include <string_view>
#include <vector>

#include "base/fields.h"
#include "models/model_input.h"

namespace strata::models {

/// Naumov et al. 2019: bottom MLP over the dense features, pairwise dots, top MLP. Dropout and
/// batch norm as in the DLRM of FuxiCTR.
struct Dlrm {
  static constexpr std::string_view kName = "dlrm";
  std::vector<int> bottom = {512, 256, 64, 16};
  std::vector<int> top = {512, 256, 1};
  float dropout = 0;
  bool batch_norm = false;

  template <class V>
  void visit(V& v) {
    v("bottom", bottom,
      {.doc = "Widths of the MLP over the dense features; the last equals the tables' dim.",
       .min = 1});
    v("top", top, {.doc = "Widths of the MLP over the interactions; the last is 1.", .min = 1});
    v("dropout", dropout,
      {.doc = "Share of the top MLP's hidden units dropped in training.", .min = 0, .max = 0.99});
    v("batch_norm", batch_norm,
      {.doc = "Batch normalisation after each hidden layer of both MLPs."});
  }
};

std::vector<ModelLookup> lookups(const Dlrm& model, const InputSpec& input);
void check(const Dlrm& model, const ModelInput& input);
ModelTensors build(const Dlrm& model, const ModelInput& input, dense::Program& program);

}  // namespace strata::models
