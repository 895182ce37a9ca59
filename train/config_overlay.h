#pragma once
// Puts values of the environment and of --set over the tree of the file.

#include <string>
#include <string_view>
#include <vector>

#include "train/config_schema.h"
#include "train/yaml_node.h"

namespace strata::train {

/// The path of an environment variable: STRATA_TRAIN__BATCH_SIZE -> {"train", "batch_size"}.
/// Keys of the schema are lower case; names chosen by the user (tables) stay as written.
std::vector<std::string> path_of_variable(std::string_view name, const SchemaNode& schema);

/// Replaces or adds the value at `path`. Text is read as YAML if it starts with a bracket, a brace
/// or a quote, as plain text otherwise. Lists can only be replaced whole.
void overlay(YamlNode& tree, const std::vector<std::string>& path, int source, Problems& problems);

/// "a.b=x" -> path {"a", "b"}, with "x" as the text of a new source; an empty path if there is no
/// '=' or a key is empty, which is reported.
struct SetOption {
  std::vector<std::string> path;
  int source = -1;
};
SetOption parse_set(const std::string& option, Problems& problems);

}  // namespace strata::train
