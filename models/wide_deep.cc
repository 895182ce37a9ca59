#include "models/wide_deep.h"

#include "base/config_fault.h"
#include "dense/hidden_layers.h"
#include "dense/row_sum.h"

namespace strata::models {

std::vector<ModelLookup> lookups(const WideDeep& /*model*/, const InputSpec& input) {
  return deep_and_wide_lookups(input);
}

void check(const WideDeep& /*model*/, const ModelInput& input) {
  if (input.input.dense_width + input.deep_width > 0) return;
  throw_fault(
      {{{"data", "columns"}, {"model"}}, "model wide_deep needs a column for its deep part"});
}

ModelTensors build(const WideDeep& model, const ModelInput& input, dense::Program& program) {
  const ModelColumns columns = add_columns(input, program);
  const dense::Tensor deep = dense::add_deep_logit(program, columns.deep,
                                                   {.name = "deep",
                                                    .widths = model.hidden,
                                                    .dropout = model.dropout,
                                                    .batch_norm = model.batch_norm});
  const dense::Tensor logits = program.tensor(1);
  program.add<dense::RowSum>(std::vector<dense::Tensor>{deep, columns.wide}, logits, "wide.bias");
  return {.dense = columns.dense, .pooled = columns.pooled, .logits = logits};
}

}  // namespace strata::models
