#include "train/config_schema.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

namespace strata::train {
namespace {

constexpr size_t kColumns = 100;

/// `text` cut at blanks into lines of at most `width` characters.
std::vector<std::string> wrap(const std::string& text, size_t width) {
  std::vector<std::string> lines(1);
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find(' ', begin), text.size());
    const std::string word = text.substr(begin, end - begin);
    if (!lines.back().empty() && lines.back().size() + 1 + word.size() > width)
      lines.emplace_back();
    lines.back() += (lines.back().empty() ? "" : " ") + word;
    begin = end + 1;
  }
  return lines;
}

/// Writes the reference: live keys, and keys in comments where `commented`.
class ReferenceWriter {
 public:
  std::string take() { return std::move(out_); }

  void write_children(const SchemaNode& node, size_t depth, bool commented) {
    if (!node.choices.empty()) {
      line(depth, commented, "name: " + node.choices.front().name);
      for (const SchemaNode& child : node.choices.front().children) write(child, depth, commented);
    }
    for (const SchemaNode& child : node.children) write(child, depth, commented);
    if (!node.choices.empty()) write_other_choices(node, depth);
  }

 private:
  void line(size_t depth, bool commented, const std::string& text) {
    out_ += std::string(2 * depth, ' ') + (commented ? "# " : "") + text + "\n";
  }

  void comment(size_t depth, bool commented, const std::string& text) {
    const size_t used = 2 * depth + (commented ? 6 : 2);
    for (const std::string& piece : wrap(text, kColumns - used)) {
      line(depth, commented, (commented ? "  # " : "# ") + piece);
    }
  }

  void write(const SchemaNode& node, size_t depth, bool commented) {
    const std::string type = node.group || !node.children.empty() ? "" : " (" + node.type + ")";
    if (depth == 0) out_ += "\n";
    comment(depth, commented, node.doc + type);
    if (node.group) {
      line(depth, commented, node.name + ":");
      write_children(node, depth + 1, commented);
      if (node.open) comment(depth + 1, true, "<name>: the same keys, for one table.");
      return;
    }
    write_leaf(node, depth, commented);
    if (node.children.empty() && node.choices.empty()) return;
    const bool list = node.type.starts_with("a list");
    comment(depth + 1, false, list ? "Keys of an item:" : "Keys:");
    write_children(node, depth + 2, true);
  }

  /// A list of maps is written on one line: its default is short.
  void write_leaf(const SchemaNode& node, size_t depth, bool commented) {
    std::string text = node.default_text;
    std::replace(text.begin(), text.end(), '\n', ' ');
    line(depth, commented, node.name + ": " + text);
  }

  void write_other_choices(const SchemaNode& node, size_t depth) {
    std::string names;
    for (const SchemaChoice& choice : node.choices) names += choice.name + " ";
    std::set<std::string> sorted;
    for (const SchemaChoice& choice : node.choices) sorted.insert(choice.name);
    if (!explained_.insert(sorted).second) {
      return comment(depth, false, "Other names and their keys: as above.");
    }
    for (size_t i = 1; i < node.choices.size(); ++i) {
      line(depth, true, "name: " + node.choices[i].name);
      for (const SchemaNode& child : node.choices[i].children) write(child, depth, true);
    }
  }

  std::string out_;
  std::set<std::set<std::string>> explained_;
};

nlohmann::json children_json(const std::vector<SchemaNode>& children) {
  nlohmann::json out = nlohmann::json::array();
  for (const SchemaNode& child : children) out.push_back(schema_json(child));
  return out;
}

}  // namespace

const SchemaNode* SchemaNode::child(std::string_view key) const {
  const auto in = [&](const std::vector<SchemaNode>& nodes) -> const SchemaNode* {
    const auto found = std::find_if(nodes.begin(), nodes.end(),
                                    [&](const SchemaNode& node) { return node.name == key; });
    return found == nodes.end() ? nullptr : &*found;
  };
  if (const SchemaNode* found = in(children)) return found;
  for (const SchemaChoice& choice : choices) {
    if (const SchemaNode* found = in(choice.children)) return found;
  }
  return nullptr;
}

nlohmann::json schema_json(const SchemaNode& node) {
  nlohmann::json out = {{"name", node.name}, {"doc", node.doc}};
  if (!node.group) {
    out["type"] = node.type;
    out["default"] = node.default_text;
    out["may_change_on_resume"] = node.on_resume == OnResume::kFree;
  }
  if (!node.children.empty()) out["keys"] = children_json(node.children);
  for (const SchemaChoice& choice : node.choices) {
    out["choices"][choice.name] = children_json(choice.children);
  }
  if (node.open) out["other_keys"] = "names; the same keys";
  return out;
}

std::string reference_yaml(const SchemaNode& root) {
  ReferenceWriter writer;
  writer.write_children(root, 0, false);
  return writer.take();
}

}  // namespace strata::train
