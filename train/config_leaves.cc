#include "train/config_leaves.h"

#include <algorithm>

#include "base/check.h"

namespace strata::train {

std::string ConfigLeaf::key() const { return join(path, "."); }

std::string flow_map(const std::vector<ConfigLeaf>& leaves) {
  std::string out = "{";
  for (size_t i = 0; i < leaves.size(); ++i) {
    STRATA_CHECK(leaves[i].path.size() == 1, "items of lists have no groups", leaves[i].key());
    out += (i == 0 ? "" : ", ") + leaves[i].path.back() + ": " + leaves[i].text;
  }
  return out + "}";
}

std::vector<ConfigLeaf> without_defaults(std::vector<ConfigLeaf> leaves,
                                         const std::vector<ConfigLeaf>& defaults) {
  std::erase_if(leaves, [&](const ConfigLeaf& leaf) {
    return std::any_of(defaults.begin(), defaults.end(), [&](const ConfigLeaf& standard) {
      return standard.path == leaf.path && standard.text == leaf.text;
    });
  });
  return leaves;
}

std::string flow_list(const std::vector<std::string>& items, bool maps, size_t indent) {
  if (!maps || items.size() < 2) return "[" + join(items, ", ") + "]";
  const std::string line = "\n" + std::string(indent, ' ');
  return "[" + line + join(items, "," + line) + "]";
}

}  // namespace strata::train
