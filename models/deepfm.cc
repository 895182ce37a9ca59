#include "models/deepfm.h"

#include "dense/fm.h"
#include "dense/hidden_layers.h"
#include "dense/row_sum.h"

namespace strata::models {

std::vector<ModelLookup> lookups(const DeepFm& /*model*/, const InputSpec& input) {
  return deep_and_wide_lookups(input);
}

void check(const DeepFm& /*model*/, const ModelInput& input) { common_dim(input, DeepFm::kName); }

ModelTensors build(const DeepFm& model, const ModelInput& input, dense::Program& program) {
  const int dim = common_dim(input, DeepFm::kName);
  const ModelColumns columns = add_columns(input, program);
  const dense::Tensor second_order = program.tensor(1);
  program.add<dense::FactorisationMachine>(columns.vectors, second_order, dim);
  const dense::Tensor deep = dense::add_deep_logit(program, columns.deep,
                                                   {.name = "deep",
                                                    .widths = model.hidden,
                                                    .dropout = model.dropout,
                                                    .batch_norm = model.batch_norm});
  const dense::Tensor logits = program.tensor(1);
  program.add<dense::RowSum>(std::vector<dense::Tensor>{deep, second_order, columns.wide}, logits,
                             "wide.bias");
  return {.dense = columns.dense, .pooled = columns.pooled, .logits = logits};
}

}  // namespace strata::models
