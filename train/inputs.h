#pragma once

#include <functional>
#include <string>
#include <vector>

#include "data/schema.h"
#include "embedding/table_config.h"
#include "models/input_spec.h"
#include "models/model_list.h"

namespace strata::train {

/// The configuration of a table by name: its own group, or tables.wide for wide tables, or
/// tables.defaults.
using TableResolver = std::function<embedding::TableConfig(const std::string& name, bool wide)>;

/// What models/ must know of the data (models/ does not include data/): width of the dense part,
/// and one FeatureSpec per sparse feature in the order of Batch. Pooling is that of the table the
/// deep part reads.
models::InputSpec make_input_spec(const data::Schema& schema, const TableResolver& table_of);

/// The tables that the model's lookups name, each once, in the order of first use.
/// Throws Error{config} where the input lacks what the model needs, and where features that share a
/// table would need different ones (wide and deep).
std::vector<embedding::TableConfig> make_tables(const models::ModelVariant& model,
                                                const models::InputSpec& input,
                                                const TableResolver& table_of);

}  // namespace strata::train
