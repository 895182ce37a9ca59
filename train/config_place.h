#pragma once
// Where in its sources the value of a path was given.

#include <optional>

#include "base/config_fault.h"
#include "train/config_problems.h"
#include "train/yaml_node.h"

namespace strata::train {

/// The place of the value of `path`; the default place (source -1) if it was not given. Keys of a
/// table that it takes over from `tables.defaults` or `tables.wide` are found there. The place of a
/// map is that of its key.
SourcePlace place_of(const YamlNode& tree, const ConfigPath& path);

/// The place of the first of `paths` that was given; if none was, that of the nearest group around
/// one of them.
SourcePlace place_near(const YamlNode& tree, const std::vector<ConfigPath>& paths);

/// Adds `faults` with their places.
void add_faults(const ConfigFaults& faults, const YamlNode& tree, Problems& problems);

}  // namespace strata::train
