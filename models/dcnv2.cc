#include "models/dcnv2.h"

#include "base/config_fault.h"
#include "dense/cross.h"
#include "dense/hidden_layers.h"
#include "dense/linear.h"
#include "dense/row_sum.h"

namespace strata::models {
namespace {

/// Where the model's input x0 = [dense part | deep lookups] comes from.
struct CrossInput {
  ModelTensors tensors;
  dense::Tensor x0;
};

/// The dense features enter as they are, or through model.bottom.
CrossInput add_cross_input(const Dcnv2& model, const ModelInput& input, dense::Program& program) {
  if (model.bottom.empty()) {
    const ModelColumns columns = add_columns(input, program);
    return {.tensors = {.dense = columns.dense, .pooled = columns.pooled, .logits = {}},
            .x0 = columns.deep};
  }
  const int width = model.bottom.back();
  const dense::Tensor dense = program.input(input.input.dense_width, false);
  const dense::Tensor x0 = program.input(width + input.pooled_width, true);
  dense::add_mlp(program, dense, program.slice(x0, 0, width),
                 {.name = "bottom", .widths = model.bottom});
  return {.tensors = {.dense = dense,
                      .pooled = program.slice(x0, width, input.pooled_width),
                      .logits = {}},
          .x0 = x0};
}

}  // namespace

std::vector<ModelLookup> lookups(const Dcnv2& /*model*/, const InputSpec& input) {
  return deep_lookups(input);
}

void check(const Dcnv2& model, const ModelInput& input) {
  if (!model.bottom.empty() && input.input.dense_width == 0) {
    throw_fault(
        {{{"model", "bottom"}, {"data", "columns"}}, "model.bottom of dcnv2 needs dense columns"});
  }
  if (input.input.dense_width + input.pooled_width == 0) {
    throw_fault({{{"data", "columns"}, {"model"}}, "model dcnv2 needs at least one column"});
  }
}

ModelTensors build(const Dcnv2& model, const ModelInput& input, dense::Program& program) {
  CrossInput in = add_cross_input(model, input, program);
  const dense::Tensor crossed = dense::add_cross_network(
      program, in.x0, {.name = "cross", .layers = model.cross_layers, .rank = model.rank});
  const dense::HiddenConfig hidden{.name = "deep",
                                   .widths = model.hidden,
                                   .dropout = model.dropout,
                                   .batch_norm = model.batch_norm};
  if (model.structure == CrossStructure::kStacked) {
    in.tensors.logits = dense::add_deep_logit(program, crossed, hidden);
    return in.tensors;
  }
  // One Linear over [crossed | deep], written as the sum of two, is the paper's combination layer.
  const dense::Tensor deep = dense::add_deep_logit(program, in.x0, hidden);
  const dense::Tensor linear = program.tensor(1);
  program.add<dense::Linear>(crossed, linear,
                             dense::LinearConfig{.name = "cross_logit", .bias = false});
  in.tensors.logits = program.tensor(1);
  program.add<dense::RowSum>(std::vector<dense::Tensor>{deep, linear}, in.tensors.logits, "");
  return in.tensors;
}

}  // namespace strata::models
