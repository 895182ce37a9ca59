#include "models/model_input.h"

#include "base/config_fault.h"

namespace strata::models {

std::vector<ModelLookup> deep_lookups(const InputSpec& input) {
  std::vector<ModelLookup> out;
  for (size_t f = 0; f < input.features.size(); ++f) {
    const FeatureSpec& feature = input.features[f];
    if (!feature.deep) continue;
    out.push_back({.feature = static_cast<int>(f),
                   .table = feature.deep_table_name(),
                   .wide = false,
                   .pooling = feature.pooling});
  }
  return out;
}

std::vector<ModelLookup> wide_lookups(const InputSpec& input) {
  std::vector<ModelLookup> out;
  for (size_t f = 0; f < input.features.size(); ++f) {
    const FeatureSpec& feature = input.features[f];
    if (!feature.wide) continue;
    out.push_back({.feature = static_cast<int>(f),
                   .table = feature.wide_table_name(),
                   .wide = true,
                   .pooling = feature.pooling});
  }
  return out;
}

int common_dim(const ModelInput& input, std::string_view model) {
  int dim = 0;
  std::string first;
  for (const PooledColumns& columns : input.lookups) {
    if (columns.lookup.wide) continue;
    if (dim == 0) {
      dim = columns.width;
      first = columns.lookup.table;
    }
    if (columns.width != dim) {
      throw_fault({{{"tables", columns.lookup.table, "dim"}, {"tables", first, "dim"}},
                   fmt::format("model {} needs one dim for all tables: table '{}' has {}, table "
                               "'{}' has {}",
                               model, columns.lookup.table, columns.width, first, dim)});
    }
  }
  if (dim == 0) {
    throw_fault({{{"data", "columns"}, {"model"}},
                 fmt::format("model {} needs at least one categorical column", model)});
  }
  return dim;
}

ModelColumns add_columns(const ModelInput& input, dense::Program& program) {
  const int dense_width = input.input.dense_width;
  const dense::Tensor all = program.input(dense_width + input.pooled_width, true);
  return {.dense = program.slice(all, 0, dense_width),
          .pooled = program.slice(all, dense_width, input.pooled_width),
          .deep = program.slice(all, 0, dense_width + input.deep_width),
          .vectors = program.slice(all, dense_width, input.deep_width),
          .wide = program.slice(all, dense_width + input.deep_width,
                                input.pooled_width - input.deep_width)};
}

}  // namespace strata::models
