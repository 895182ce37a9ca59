#include "models/logistic_regression.h"

#include "base/config_fault.h"
#include "dense/row_sum.h"

namespace strata::models {

std::vector<ModelLookup> lookups(const LogisticRegression& /*model*/, const InputSpec& input) {
  return wide_lookups(input);
}

void check(const LogisticRegression& /*model*/, const ModelInput& input) {
  if (input.pooled_width > 0) return;
  throw_fault({{{"data", "columns"}, {"model"}},
               "model logistic_regression needs at least one categorical or bucketised column"});
}

ModelTensors build(const LogisticRegression& /*model*/, const ModelInput& input,
                   dense::Program& program) {
  ModelTensors out;
  out.dense = program.input(0, false);
  out.pooled = program.input(input.pooled_width, true);
  out.logits = program.tensor(1);
  program.add<dense::RowSum>(std::vector<dense::Tensor>{out.pooled}, out.logits, "wide.bias");
  return out;
}

}  // namespace strata::models
