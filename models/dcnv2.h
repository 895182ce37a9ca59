#pragma once

#include <cstdint>
#include <string_view>
#include <utility>
#include <vector>

#include "base/fields.h"
#include "models/model_input.h"

namespace strata::models {

/// How DCNv2 joins its cross and deep parts.
enum class CrossStructure : uint8_t { kParallel, kStacked };

/// Wang et al. 2021: cross layers x_{l+1} = x_0 * (W_l x_l + b_l) + x_l, W_l of full or low rank.
struct Dcnv2 {
  static constexpr std::string_view kName = "dcnv2";
  std::vector<int> bottom = {};  // MLPerf's DLRM-DCNv2 puts the dense features through one
  int cross_layers = 3;
  int rank = 64;
  std::vector<int> hidden = {512, 256};
  CrossStructure structure = CrossStructure::kStacked;
  float dropout = 0;
  bool batch_norm = false;

  template <class V>
  void visit(V& v);
};

std::vector<ModelLookup> lookups(const Dcnv2& model, const InputSpec& input);
void check(const Dcnv2& model, const ModelInput& input);
ModelTensors build(const Dcnv2& model, const ModelInput& input, dense::Program& program);

}  // namespace strata::models

template <>
struct strata::EnumNames<strata::models::CrossStructure> {
  using enum strata::models::CrossStructure;
  static constexpr std::pair<strata::models::CrossStructure, std::string_view> kNames[] = {
      {kParallel, "parallel"}, {kStacked, "stacked"}};
};

template <class V>
void strata::models::Dcnv2::visit(V& v) {
  v("bottom", bottom,
    {.doc = "Widths of an MLP over the dense features; empty: they enter as they are.", .min = 1});
  v("cross_layers", cross_layers, {.doc = "Number of cross layers.", .min = 1, .max = 64});
  v("rank", rank, {.doc = "Rank of the cross layers' matrices; 0: full matrices.", .min = 0});
  v("hidden", hidden, {.doc = "Widths of the deep part's hidden layers.", .min = 1});
  v("structure", structure,
    {.doc = "stacked: the MLP reads the cross layers' result; parallel: both read the input."});
  v("dropout", dropout,
    {.doc = "Share of hidden units dropped in training.", .min = 0, .max = 0.99});
  v("batch_norm", batch_norm, {.doc = "Batch normalisation after each hidden layer."});
}
