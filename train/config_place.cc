#include "train/config_place.h"

#include <algorithm>

namespace strata::train {
namespace {

/// A node and, unless it is an item of a list, its key.
struct Step {
  const YamlNode* node = nullptr;
  std::optional<SourcePlace> key;
};

/// How far a path leads into the tree; `whole`: to its end.
struct Walk {
  Step last;
  bool whole = false;

  SourcePlace place() const {
    if (last.node == nullptr) return {};
    const bool group = last.node->kind == YamlNode::Kind::kMap && last.key;
    return group ? *last.key : last.node->place;
  }
};

/// The item of a list that `segment` names: by its `name`, or by its index.
Step item_of(const YamlNode& list, const std::string& segment) {
  for (size_t i = 0; i < list.items.size(); ++i) {
    const YamlNode* name = list.items[i].find("name");
    if (segment == item_key(i) || (name != nullptr && name->scalar == segment)) {
      return {&list.items[i], {}};
    }
  }
  return {};
}

Step child_of(const YamlNode& node, const std::string& segment) {
  if (node.kind == YamlNode::Kind::kList) return item_of(node, segment);
  // A word stands for a list of one, and for a map with `name` or `preset`.
  const bool stands_for = segment == item_key(0) || segment == "name" || segment == "preset";
  if (node.kind == YamlNode::Kind::kScalar && stands_for) return {&node, {}};
  const auto entry = std::find_if(node.entries.begin(), node.entries.end(),
                                  [&](const YamlEntry& e) { return e.key == segment; });
  if (entry == node.entries.end()) return {};
  return {&entry->value, entry->key_place};
}

Walk walk(const YamlNode& tree, const ConfigPath& path) {
  Walk out;
  const YamlNode* node = &tree;
  for (const std::string& segment : path) {
    const Step step = child_of(*node, segment);
    if (step.node == nullptr) return out;
    out.last = step;
    node = step.node;
  }
  out.whole = out.last.node != nullptr;
  return out;
}

/// The same key of the group that the table of `path` takes its values over from.
std::optional<ConfigPath> taken_over_from(const ConfigPath& path) {
  if (path.size() < 3 || path[0] != "tables") return std::nullopt;
  if (path[1] == "defaults" || path[1] == "wide") return std::nullopt;
  ConfigPath group = path;
  group[1] = path[1].starts_with("wide_") ? "wide" : "defaults";
  return group;
}

}  // namespace

SourcePlace place_of(const YamlNode& tree, const ConfigPath& path) {
  const Walk found = walk(tree, path);
  if (found.whole) return found.place();
  const auto group = taken_over_from(path);
  return group ? place_of(tree, *group) : SourcePlace{};
}

SourcePlace place_near(const YamlNode& tree, const std::vector<ConfigPath>& paths) {
  for (const ConfigPath& path : paths) {
    const SourcePlace place = place_of(tree, path);
    if (place.source >= 0) return place;
  }
  for (const ConfigPath& path : paths) {
    const SourcePlace place = walk(tree, path).place();
    if (place.source >= 0) return place;
  }
  return {};
}

void add_faults(const ConfigFaults& faults, const YamlNode& tree, Problems& problems) {
  for (const ConfigFault& fault : faults.faults()) {
    problems.add(place_near(tree, fault.paths), fault.message, fault.note);
  }
}

}  // namespace strata::train
