#include "train/inputs.h"

#include <map>

#include "base/config_fault.h"

namespace strata::train {
namespace {

models::FeatureSpec feature_spec(const data::SparseFeature& feature,
                                 const TableResolver& table_of) {
  models::FeatureSpec spec;
  spec.name = feature.name;
  spec.wide = feature.use == data::FeatureUse::kBoth || feature.use == data::FeatureUse::kWide;
  spec.deep = feature.use == data::FeatureUse::kBoth || feature.use == data::FeatureUse::kDeep;
  spec.table = feature.table;
  spec.pooling = table_of(spec.deep_table_name(), false).pooling;
  return spec;
}

}  // namespace

models::InputSpec make_input_spec(const data::Schema& schema, const TableResolver& table_of) {
  models::InputSpec input;
  input.dense_width = static_cast<int>(schema.dense.size());
  for (const data::SparseFeature& feature : schema.sparse) {
    input.features.push_back(feature_spec(feature, table_of));
  }
  return input;
}

std::vector<embedding::TableConfig> make_tables(const models::ModelVariant& model,
                                                const models::InputSpec& input,
                                                const TableResolver& table_of) {
  std::vector<embedding::TableConfig> tables;
  std::map<std::string, bool> seen;  // name -> wide
  for (const models::ModelLookup& lookup : models::model_lookups(model, input)) {
    const auto [entry, is_new] = seen.emplace(lookup.table, lookup.wide);
    if (entry->second != lookup.wide) {
      const std::string& column = input.features[static_cast<size_t>(lookup.feature)].name;
      throw_fault({{{"data", "columns", column, "table"}, {"data", "columns", column, "name"}},
                   fmt::format("table '{}' is used by the wide part and by the deep part; give one "
                               "of the columns another `table`",
                               lookup.table)});
    }
    if (!is_new) continue;
    tables.push_back(table_of(lookup.table, lookup.wide));
    tables.back().name = lookup.table;
  }
  return tables;
}

}  // namespace strata::train
