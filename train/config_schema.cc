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

constexpr size_t kLive = SIZE_MAX;  // comment column of keys that are not commented out

/// Writes the reference: live keys, and below `comment_from` keys in comments.
class ReferenceWriter {
 public:
  std::string take() { return std::move(out_); }

  /// Keys at `depth`; those of a group that is not in force stand in comments that begin at depth
  /// `comment_from`.
  void write_keys(const SchemaNode& node, size_t depth, size_t comment_from) {
    if (!node.choices.empty()) write_choice(node.choices.front(), depth, comment_from);
    for (const SchemaNode& child : node.children) write(child, depth, comment_from);
    if (node.choices.size() > 1) write_other_choices(node, depth, comment_from);
  }

 private:
  void line(size_t depth, size_t comment_from, const std::string& text) {
    const size_t outer = std::min(depth, comment_from);
    out_ += std::string(2 * outer, ' ') + (comment_from == kLive ? "" : "# ") +
            std::string(2 * (depth - outer), ' ') + text + "\n";
  }

  void explain(size_t depth, size_t comment_from, const std::string& text) {
    const size_t used = 2 * depth + (comment_from == kLive ? 2 : 4);
    for (const std::string& piece : wrap(text, kColumns - used)) {
      line(depth, comment_from, "# " + piece);
    }
  }

  void write(const SchemaNode& node, size_t depth, size_t comment_from) {
    const bool keys = !node.children.empty() || !node.choices.empty();
    if (depth == 0) out_ += "\n";
    explain(depth, comment_from, node.doc + (keys ? "" : " (" + node.type + ")"));
    if (node.group) {
      line(depth, comment_from, node.name + ":");
      write_keys(node, depth + 1, comment_from);
      if (node.open) line(depth + 1, depth + 1, "<name>: the same keys, for one table");
      return;
    }
    line(depth, comment_from, node.name + ": " + node.default_text);
    if (!keys) return;
    const size_t inner = std::min(comment_from, depth + 1);
    line(depth + 1, inner, node.type.starts_with("a list") ? "keys of an item:" : "keys:");
    write_keys(node, depth + 2, inner);
  }

  void write_choice(const SchemaChoice& choice, size_t depth, size_t comment_from) {
    line(depth, comment_from, "name: " + choice.name);
    for (const SchemaNode& child : choice.children) write(child, depth, comment_from);
  }

  /// The alternatives that are not the default; the same list is spelt out once.
  void write_other_choices(const SchemaNode& node, size_t depth, size_t comment_from) {
    const size_t inner = std::min(comment_from, depth);
    std::set<std::string> names;
    for (const SchemaChoice& choice : node.choices) names.insert(choice.name);
    if (!explained_.insert(names).second) {
      return line(depth, inner, "other names and their keys: as above");
    }
    for (size_t i = 1; i < node.choices.size(); ++i) {
      line(depth, inner, "or");
      write_choice(node.choices[i], depth, inner);
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
  writer.write_keys(root, 0, kLive);
  return writer.take();
}

}  // namespace strata::train
