#include "train/config_overlay.h"

#include <fmt/format.h>

#include <algorithm>

#include "train/config_reader.h"

namespace strata::train {
namespace {

std::vector<std::string> split(std::string_view text, std::string_view separator) {
  std::vector<std::string> out;
  for (size_t at = text.find(separator); at != std::string_view::npos; at = text.find(separator)) {
    out.emplace_back(text.substr(0, at));
    text.remove_prefix(at + separator.size());
  }
  out.emplace_back(text);
  return out;
}

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c + ('a' - 'A'));
  }
  return out;
}

YamlNode value_of(int source, Problems& problems) {
  const std::string& text = problems.source(source).text;
  constexpr std::string_view kYamlStarts = "[{\"'";
  if (!text.empty() && kYamlStarts.find(text.front()) != std::string_view::npos) {
    return parse_yaml(source, problems);
  }
  YamlNode node;
  node.kind = text.empty() ? YamlNode::Kind::kNull : YamlNode::Kind::kScalar;
  node.scalar = text;
  node.place = {source, 1, 1, static_cast<int>(text.size())};
  return node;
}

/// The map that `node` is or becomes: nothing becomes an empty map, a word the map it stands for.
bool become_map(YamlNode& node) {
  if (node.kind == YamlNode::Kind::kScalar) node = expand_shorthand(node, "name");
  if (node.kind == YamlNode::Kind::kNull) node.kind = YamlNode::Kind::kMap;
  return node.kind == YamlNode::Kind::kMap;
}

}  // namespace

std::vector<std::string> path_of_variable(std::string_view name, const SchemaNode& schema) {
  constexpr std::string_view kPrefix = "STRATA_";
  std::vector<std::string> path = split(name.substr(kPrefix.size()), "__");
  const SchemaNode* node = &schema;
  for (std::string& key : path) {
    const SchemaNode* child = node == nullptr ? nullptr : node->child(lower(key));
    if (child == nullptr && node != nullptr && node->open) {
      child = &node->children.front();  // a name; what is below it is like the first child
    } else {
      key = lower(key);
    }
    node = child;
  }
  return path;
}

void overlay(YamlNode& tree, const std::vector<std::string>& path, int source, Problems& problems) {
  YamlNode value = value_of(source, problems);
  YamlNode* node = &tree;
  for (size_t i = 0; i < path.size(); ++i) {
    if (!become_map(*node)) {
      const std::string parent = join({path.begin(), path.begin() + static_cast<int64_t>(i)}, ".");
      return problems.add({source, 1, 1, 1},
                          fmt::format("'{}' is a list: it can only be set whole", parent));
    }
    if (node->find(path[i]) == nullptr) {
      node->entries.push_back({path[i], value.place, YamlNode{}});
      node->entries.back().value.place = value.place;
    }
    const auto entry = std::find_if(node->entries.begin(), node->entries.end(),
                                    [&](const YamlEntry& e) { return e.key == path[i]; });
    if (i + 1 == path.size()) entry->key_place = value.place;
    node = &entry->value;
  }
  *node = std::move(value);
}

SetOption parse_set(const std::string& option, Problems& problems) {
  const size_t equals = option.find('=');
  const std::string text = equals == std::string::npos ? "" : option.substr(equals + 1);
  SetOption out;
  out.source = problems.add_source({ConfigSource::Kind::kCommandLine, option, text});
  out.path = split(std::string_view(option).substr(0, equals), ".");
  const bool empty_key = std::any_of(out.path.begin(), out.path.end(),
                                     [](const std::string& key) { return key.empty(); });
  if (equals == std::string::npos || empty_key) {
    problems.add({out.source, 1, 1, 1}, "expected key=value, such as train.batch_size=512");
    out.path.clear();
  }
  return out;
}

}  // namespace strata::train
