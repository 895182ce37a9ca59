#pragma once
// What a reader of single fields cannot see: keys that contradict each other, and sizes that cannot
// fit into memory.

#include <string>
#include <vector>

#include "train/config.h"

namespace strata::train {

/// Throws ConfigError with every contradiction, naming both keys (exit 78), or with what does not
/// fit ("needs 1.1 EiB, budget 16 GiB", exit 71).
void check_config(const Config& config, const YamlNode& tree, Problems& problems);

}  // namespace strata::train
