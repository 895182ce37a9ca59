#pragma once
// What a model file says and is given: its lookups, its input, its tensors.

#include <string>
#include <vector>

#include "dense/program.h"
#include "embedding/table_config.h"
#include "models/input_spec.h"

namespace strata::models {

/// One use of a table by a model. Wide tables have dim 1 and take their defaults from the YAML
/// group `tables.wide`, the others from `tables.defaults`.
struct ModelLookup {
  int feature = 0;
  std::string table;
  bool wide = false;
  embedding::Pooling pooling = embedding::Pooling::kSum;
};

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

/// Lookups of every feature with `deep`, in order: (feature, deep_table_name()).
std::vector<ModelLookup> deep_lookups(const InputSpec& input);
/// Lookups of every feature with `wide`, in order: (feature, wide_table_name()).
std::vector<ModelLookup> wide_lookups(const InputSpec& input);
/// Those, then these.
std::vector<ModelLookup> deep_and_wide_lookups(const InputSpec& input);

/// The common width of all deep lookups. Throws ConfigFaults naming a table that differs, or
/// saying that there is none.
int common_dim(const ModelInput& input, std::string_view model);

/// One buffer [dense | pooled] that Network fills; slices of it are the model's inputs.
struct ModelColumns {
  dense::Tensor dense;    // [B, I]
  dense::Tensor pooled;   // [B, pooled_width]
  dense::Tensor deep;     // [B, I + deep_width]: dense and deep lookups, what a deep part reads
  dense::Tensor vectors;  // [B, deep_width]
  dense::Tensor wide;     // [B, pooled_width - deep_width]
};
ModelColumns add_columns(const ModelInput& input, dense::Program& program);

}  // namespace strata::models
