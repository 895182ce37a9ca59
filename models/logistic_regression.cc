#include "models/logistic_regression.h"

#include "base/error.h"
#include "dense/row_sum.h"

namespace strata::models {

std::vector<ModelLookup> lookups(const LogisticRegression& /*model*/, const InputSpec& input) {
  return wide_lookups(input);
}

ModelTensors build(const LogisticRegression& /*model*/, const ModelInput& input,
                   dense::Program& program) {
  if (input.pooled_width == 0) {
    throw Error(ErrorCode::kConfig,
                "model logistic_regression needs at least one categorical or bucketised column");
  }
  ModelTensors out;
  out.dense = program.input(0, false);
  out.pooled = program.input(input.pooled_width, true);
  out.logits = program.tensor(1);
  program.add<dense::RowSum>(std::vector<dense::Tensor>{out.pooled}, out.logits, "wide.bias");
  return out;
}

}  // namespace strata::models
