#pragma once
// The list of models: the one place that names them all.

#include <string>
#include <variant>
#include <vector>

#include "dense/program.h"
#include "embedding/collection.h"
#include "models/input_spec.h"
#include "models/model_config.h"

namespace strata::models {

/// The YAML group `model`; `name` selects the alternative.  <- the one line to add
using ModelVariant = std::variant<Dlrm, WideDeep, DeepFm, Dcnv2, LogisticRegression>;

/// One use of a table by a model. Wide tables have dim 1 and take their defaults from the YAML
/// group `tables.wide`, the others from `tables.defaults`.
struct ModelLookup {
  int feature = 0;
  std::string table;
  bool wide = false;
  embedding::Pooling pooling = embedding::Pooling::kSum;
};

/// The lookups of a model over this input, deep ones first; the order fixes the pooled matrix.
/// Throws Error{config} where the input lacks what the model needs.
std::vector<ModelLookup> model_lookups(const ModelVariant& model, const InputSpec& input);

/// What a model builds from: pooled columns of each lookup, in order.
struct PooledColumns {
  ModelLookup lookup;
  int column = 0;  // in the pooled matrix
  int width = 0;   // dim of the table
};
struct ModelInput {
  const InputSpec& input;
  std::vector<PooledColumns> lookups;
  int pooled_width = 0;  // of all lookups
  int deep_width = 0;    // of the deep ones, which come first
};

/// Where a built model reads and writes: Network fills dense and pooled.
struct ModelTensors {
  dense::Tensor dense;   // [B, I]; width 0 where the model does not use dense features
  dense::Tensor pooled;  // [B, pooled_width]; its gradient is dpool
  dense::Tensor logits;  // [B, 1]
};

/// Adds the model's layers and parameters to the program. Throws Error{config} for shapes that do
/// not fit, naming the table or key.
ModelTensors build_model(const ModelVariant& model, const ModelInput& input,
                         dense::Program& program);

}  // namespace strata::models
