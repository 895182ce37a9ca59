#pragma once

#include "data/schema.h"
#include "train/config.h"

namespace strata::train {

/// Throws ConfigFaults with every reference between the parts of a config that leads nowhere or to
/// something that does not fit: columns and fields, columns and tables, tables and model, what is
/// watched and what is evaluated. Reads no data: the fields of a CSV header are taken to be there
/// (data::make_schema compares them). Makes nothing.
void check_references(const Config& config);

}  // namespace strata::train
