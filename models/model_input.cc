#include "models/model_input.h"

#include "base/config_fault.h"

namespace strata::models {
namespace {

ModelLookup lookup_of(size_t index, const FeatureSpec& feature, bool wide) {
  return {.feature = static_cast<int>(index),
          .table = wide ? feature.wide_table_name() : feature.deep_table_name(),
          .wide = wide,
          .pooling = feature.pooling};
}

}  // namespace

std::vector<ModelLookup> deep_lookups(const InputSpec& input) {
  std::vector<ModelLookup> out;
  for (size_t f = 0; f < input.features.size(); ++f) {
    const FeatureSpec& feature = input.features[f];
    if (feature.deep) out.push_back(lookup_of(f, feature, false));
  }
  return out;
}

std::vector<ModelLookup> wide_lookups(const InputSpec& input) {
  std::vector<ModelLookup> out;
  for (size_t f = 0; f < input.features.size(); ++f) {
    const FeatureSpec& feature = input.features[f];
    if (feature.wide) out.push_back(lookup_of(f, feature, true));
  }
  return out;
}

std::vector<ModelLookup> deep_and_wide_lookups(const InputSpec& input) {
  std::vector<ModelLookup> out = deep_lookups(input);
  for (ModelLookup& wide : wide_lookups(input)) out.push_back(std::move(wide));
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
