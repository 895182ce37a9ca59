#include "models/dlrm.h"

#include <string>

#include "base/config_fault.h"
#include "dense/dot_interaction.h"
#include "dense/hidden_layers.h"
#include "dense/linear.h"

namespace strata::models {
namespace {

/// One of the two MLPs, from `in` to `out`.
struct MlpPart {
  const char* name;
  const std::vector<int>& widths;
  kernels::Activation last;
  float dropout;
};

/// Linear layers are named alike with and without batch norm and dropout.
void add_part(const Dlrm& model, dense::Program& program, dense::Tensor in, dense::Tensor out,
              const MlpPart& part) {
  constexpr auto kInit = dense::WeightInit::kXavierNormal;
  if (!model.batch_norm && part.dropout == 0) {
    dense::add_mlp(program, in, out,
                   {.name = part.name, .widths = part.widths, .last = part.last, .init = kInit});
    return;
  }
  const std::vector<int> hidden(part.widths.begin(), part.widths.end() - 1);
  const dense::Tensor last = dense::add_hidden_layers(program, in,
                                                      {.name = part.name,
                                                       .widths = hidden,
                                                       .dropout = part.dropout,
                                                       .batch_norm = model.batch_norm});
  program.add<dense::Linear>(
      last, out,
      dense::LinearConfig{.name = std::string(part.name) + "." + std::to_string(hidden.size()),
                          .activation = part.last,
                          .init = kInit});
}

}  // namespace

std::vector<ModelLookup> lookups(const Dlrm& /*model*/, const InputSpec& input) {
  return deep_lookups(input);
}

void check(const Dlrm& model, const ModelInput& input) {
  FaultList faults;
  if (input.input.dense_width == 0) {
    faults.add(
        {{{"data", "columns"}, {"model"}}, "model dlrm needs dense columns for model.bottom"});
  }
  if (model.top.empty() || model.top.back() != 1) {
    faults.add({{{"model", "top"}, {"model"}},
                fmt::format("model.top must end in 1, the logit; its last width is {}",
                            model.top.empty() ? 0 : model.top.back())});
  }
  faults.collect([&] {
    const int dim = common_dim(input, Dlrm::kName);
    const int last = model.bottom.empty() ? 0 : model.bottom.back();
    if (last == dim) return;
    const std::string& table = input.lookups.front().lookup.table;
    throw_fault(
        {{{"model", "bottom"}, {"tables", table, "dim"}},
         fmt::format("model.bottom ends in {}, the dim of the tables is {}: the dot products "
                     "of dlrm need them equal",
                     last, dim),
         fmt::format("end model.bottom in {} or set tables.defaults.dim to {}", dim, last)});
  });
  faults.throw_if_any();
}

ModelTensors build(const Dlrm& model, const ModelInput& input, dense::Program& program) {
  const int dim = common_dim(input, Dlrm::kName);
  ModelTensors out;
  out.dense = program.input(input.input.dense_width, false);
  // The bottom MLP's result and the pooled rows stand side by side: the interaction reads both.
  const dense::Tensor vectors = program.input(dim + input.pooled_width, true);
  const dense::Tensor bottom = program.slice(vectors, 0, dim);
  out.pooled = program.slice(vectors, dim, input.pooled_width);
  add_part(model, program, out.dense, bottom,
           {"bottom", model.bottom, kernels::Activation::kRelu, 0});
  const dense::Tensor interactions =
      program.activation(dense::DotInteraction::out_width(vectors.width / dim, dim));
  program.add<dense::DotInteraction>(vectors, interactions, dim);
  out.logits = program.tensor(1);
  add_part(model, program, interactions, out.logits,
           {"top", model.top, kernels::Activation::kIdentity, model.dropout});
  return out;
}

}  // namespace strata::models
