#pragma once

#include <string>
#include <vector>

#include "embedding/table_config.h"

namespace strata::models {

/// One sparse feature of the batch, as a model sees it; index f in Batch.
struct FeatureSpec {
  std::string name;
  bool wide = true;        // read by the model's wide (first-order) part, if it has one
  bool deep = true;        // read by the model's deep part, if it has one
  std::string table;       // of the deep part; empty: the feature's name
  std::string wide_table;  // of the wide part; empty: "wide_" + name
  embedding::Pooling pooling = embedding::Pooling::kSum;

  std::string deep_table_name() const { return table.empty() ? name : table; }
  std::string wide_table_name() const { return wide_table.empty() ? "wide_" + name : wide_table; }
};

/// What a batch holds: train/ makes it from the data's schema (models/ does not know data/).
struct InputSpec {
  int dense_width = 0;                // I
  std::vector<FeatureSpec> features;  // F, in the order of Batch
};

}  // namespace strata::models
