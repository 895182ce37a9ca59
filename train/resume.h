#pragma once

#include <string>
#include <vector>

#include "train/config.h"

namespace strata::train {

/// Compares the config of a saved run with the one that is to continue it. Keys that may change
/// (rates, schedules, limits, paths, threads) and those in `allow` (--allow-change) give one line
/// each for the log. `allow` holds keys or groups: "data" allows everything below it.
/// Throws Error{config} with the list of the others, before and after, and Error{usage} for a name
/// in `allow` that is a key of neither.
std::vector<std::string> check_resumed_config(const Config& before, const Config& after,
                                              const std::vector<std::string>& allow);

}  // namespace strata::train
