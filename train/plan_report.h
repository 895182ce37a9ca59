#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "train/plan.h"

namespace strata::train {

/// The object `strata plan --json` prints, without `fits` and `refusals`. Rows and bytes are whole
/// numbers, null where nothing says how many keys there are.
nlohmann::ordered_json to_json(const Plan& plan);

/// The same as tables for people.
std::string format_plan(const Plan& plan);

/// One line for the log of a run.
std::string plan_line(const Plan& plan);

}  // namespace strata::train
