#pragma once
// Every key a config may have, with type, default and documentation: `config schema`,
// configs/reference.yaml and the names of environment variables come from it.

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "train/config_leaves.h"

namespace strata::train {

struct SchemaChoice;

/// One key and what is below it.
struct SchemaNode {
  std::string name;
  std::string doc;
  std::string type;
  std::string default_text;  // of leaves; empty for groups
  OnResume on_resume = OnResume::kFixed;
  std::vector<SchemaNode> children;   // keys of a group, or of the items of a list of maps
  std::vector<SchemaChoice> choices;  // alternatives selected by the key `name`, default first
  bool group = false;                 // children are written below the key, not as a comment
  bool open = false;                  // any other key is a name whose value has children.front()

  const SchemaNode* child(std::string_view key) const;
};

/// One alternative of a variant: its value of `name` and its keys.
struct SchemaChoice {
  std::string name;
  std::vector<SchemaNode> children;
};

/// The visitor that builds the children of `parent`.
class SchemaCollector {
 public:
  explicit SchemaCollector(SchemaNode& parent) : parent_(parent) {}

  template <class T>
  void operator()(std::string_view name, T& field, const FieldSpec& spec) {
    SchemaNode node;
    node.name = name;
    node.doc = spec.doc;
    node.type = type_name<T>(spec);
    node.on_resume = spec.on_resume;
    describe_value(node, field);
    parent_.children.push_back(std::move(node));
  }

  template <class Variant>
  void flatten(Variant& variant) {
    const std::string chosen(alternative_name(variant));
    add_choice(variant);
    for (const std::string& name : alternative_names<Variant>()) {
      if (name == chosen) continue;
      Variant other = variant;
      choose_alternative(other, name);
      add_choice(other);
    }
  }

  template <class T, class Base>
  void rest(std::map<std::string, T>& /*values*/, const FieldSpec& /*spec*/, const Base& /*base*/) {
    parent_.open = true;
  }

 private:
  template <class Variant>
  void add_choice(Variant& variant) {
    SchemaNode scratch;
    SchemaCollector inner(scratch);
    std::visit([&](auto& alternative) { alternative.visit(inner); }, variant);
    parent_.choices.push_back({std::string(alternative_name(variant)), scratch.children});
  }

  template <class T>
  static void describe_group(SchemaNode& node, T& value) {
    SchemaCollector inner(node);
    if constexpr (kIsVariant<T>) {
      inner.flatten(value);
    } else {
      value.visit(inner);
    }
  }

  template <class T>
  static void describe_value(SchemaNode& node, T& field) {
    if constexpr (kIsOptional<T>) {
      using Inner = typename T::value_type;
      if constexpr (Visited<Inner>) {
        Inner inner = field.value_or(Inner{});
        describe_group(node, inner);
        node.default_text = field ? "{}" : "null";
      } else {
        node.default_text = field ? flow_text(*field, 0) : "null";
      }
    } else if constexpr (kIsMap<T>) {
      node.default_text = "{}";
    } else if constexpr (kIsVariant<T> || Visited<T>) {
      node.group = true;
      describe_group(node, field);
    } else {
      node.default_text = flow_text(field, 0);
      describe_items(node, field);
    }
  }

  template <class T>
  static void describe_items(SchemaNode& node, const T& /*field*/) {
    if constexpr (kIsVector<T>) {
      using Item = typename T::value_type;
      if constexpr (Visited<Item>) {
        Item item{};
        describe_group(node, item);
      }
    }
  }

  SchemaNode& parent_;
};

/// The schema of a struct whose fields hold their defaults; the root has no name.
template <Visited T>
SchemaNode schema_of(T defaults) {
  SchemaNode root;
  root.group = true;
  SchemaCollector collector(root);
  defaults.visit(collector);
  return root;
}

/// {"name", "type", "default", "doc", "may_change_on_resume", "keys": [...], "choices": {...}}.
nlohmann::json schema_json(const SchemaNode& node);

/// A YAML file that holds every key with its default, documented in comments; keys of alternatives,
/// list items and groups that are null by default stand in comments.
std::string reference_yaml(const SchemaNode& root);

}  // namespace strata::train
