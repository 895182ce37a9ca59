#include "models/dlrm.h"

#include "base/error.h"
#include "dense/dot_interaction.h"
#include "dense/linear.h"

namespace strata::models {
namespace {

void check(const Dlrm& model, const InputSpec& input, int dim) {
  if (input.dense_width == 0) {
    throw Error(ErrorCode::kConfig, "model dlrm needs dense columns for model.bottom");
  }
  if (model.bottom.empty() || model.bottom.back() != dim) {
    throw Error(ErrorCode::kConfig,
                "model.bottom must end in {}, the tables' dim; its last width is {}", dim,
                model.bottom.empty() ? 0 : model.bottom.back());
  }
  if (model.top.empty() || model.top.back() != 1) {
    throw Error(ErrorCode::kConfig, "model.top must end in 1, the logit; its last width is {}",
                model.top.empty() ? 0 : model.top.back());
  }
}

}  // namespace

std::vector<ModelLookup> lookups(const Dlrm& /*model*/, const InputSpec& input) {
  return deep_lookups(input);
}

ModelTensors build(const Dlrm& model, const ModelInput& input, dense::Program& program) {
  const int dim = common_dim(input, Dlrm::kName);
  check(model, input.input, dim);
  ModelTensors out;
  out.dense = program.input(input.input.dense_width, false);
  // The bottom MLP's result and the pooled rows stand side by side: the interaction reads both.
  const dense::Tensor vectors = program.input(dim + input.pooled_width, true);
  const dense::Tensor bottom = program.slice(vectors, 0, dim);
  out.pooled = program.slice(vectors, dim, input.pooled_width);
  dense::add_mlp(
      program, out.dense, bottom,
      {.name = "bottom", .widths = model.bottom, .init = dense::WeightInit::kXavierNormal});
  const dense::Tensor interactions =
      program.activation(dense::DotInteraction::out_width(vectors.width / dim, dim));
  program.add<dense::DotInteraction>(vectors, interactions, dim);
  out.logits = program.tensor(1);
  dense::add_mlp(program, interactions, out.logits,
                 {.name = "top",
                  .widths = model.top,
                  .last = kernels::Activation::kIdentity,
                  .init = dense::WeightInit::kXavierNormal});
  return out;
}

}  // namespace strata::models
