#pragma once
// Fills config structs (base/fields.h) from a YAML tree. Everything that is wrong is reported, each
// problem at its place; fields that are absent keep their value.

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "train/config_values.h"

namespace strata::train {

/// Where the reader stands: the dotted path of the value for messages, and where problems go.
struct ReadContext {
  std::string path;
  Problems& problems;

  ReadContext at(std::string_view name) const {
    return {path.empty() ? std::string(name) : path + "." + std::string(name), problems};
  }
  void add(const SourcePlace& place, const Fault& fault) const {
    problems.add(place, path.empty() ? fault.message : path + ": " + fault.message, fault.note);
  }
};

/// Reports the keys of `map` that are not in `known`, each with the nearest known one.
void report_unknown_keys(const YamlNode& map, const std::vector<std::string>& known,
                         const ReadContext& context);

/// A map with the one entry `key: scalar`: what a shorthand stands for.
YamlNode expand_shorthand(const YamlNode& scalar, std::string_view key);

template <class T>
void read_value(const YamlNode& node, T& value, const FieldSpec& spec, const ReadContext& context);

/// The visitor that reads one struct from one map.
class FieldReader {
 public:
  FieldReader(const YamlNode& map, const ReadContext& context) : map_(map), context_(context) {}

  template <class T>
  void operator()(std::string_view name, T& field, const FieldSpec& spec) {
    known_.emplace_back(name);
    if (const YamlNode* node = map_.find(name)) read_value(*node, field, spec, context_.at(name));
  }

  template <class Variant>
  void flatten(Variant& variant) {
    known_.emplace_back("name");
    if (const YamlNode* node = map_.find("name")) {
      const auto choices = alternative_names<Variant>();
      size_t index = 0;
      if (const auto fault = read_choice(*node, choices, index)) {
        context_.at("name").add(node->place, *fault);
        chosen_ = false;
      } else {
        choose_alternative(variant, choices[index]);
      }
    }
    std::visit([this](auto& alternative) { alternative.visit(*this); }, variant);
  }

  template <class T, class Base>
  void rest(std::map<std::string, T>& values, const FieldSpec& spec, const Base& base) {
    for (const YamlEntry& entry : map_.entries) {
      if (std::find(known_.begin(), known_.end(), entry.key) != known_.end()) continue;
      auto [found, fresh] = values.try_emplace(entry.key);
      if (fresh) found->second = base(entry.key);
      read_value(entry.value, found->second, spec, context_.at(entry.key));
    }
    open_ended_ = true;
  }

  /// To be called when the struct has been visited. Keys of a map whose alternative is unknown are
  /// not judged.
  void finish() const {
    if (chosen_ && !open_ended_) report_unknown_keys(map_, known_, context_);
  }

 private:
  const YamlNode& map_;
  const ReadContext& context_;
  std::vector<std::string> known_;
  bool chosen_ = true;
  bool open_ended_ = false;
};

template <Visited T>
void read_struct(const YamlNode& map, T& value, const ReadContext& context) {
  FieldReader reader(map, context);
  value.visit(reader);
  reader.finish();
}

/// The field that a lone word in place of the struct or variant T sets; empty: none.
template <class T>
std::string_view shorthand_field() {
  if constexpr (HasScalarField<T>) {
    return T::kScalarField;
  } else if constexpr (kIsVariant<T>) {
    return "name";
  } else if constexpr (Visited<T>) {
    return flattens_variant<T>() ? "name" : "";
  } else {
    return "";
  }
}

/// Reads a struct or a variant: a map, a shorthand word, or nothing (all fields stay).
template <class T>
void read_group(const YamlNode& node, T& value, const ReadContext& context) {
  if (node.kind == YamlNode::Kind::kScalar && !shorthand_field<T>().empty()) {
    return read_group(expand_shorthand(node, shorthand_field<T>()), value, context);
  }
  if (node.kind == YamlNode::Kind::kScalar || node.kind == YamlNode::Kind::kList) {
    return context.add(node.place, {"expected a map, got " + describe(node), ""});
  }
  if constexpr (kIsVariant<T>) {
    FieldReader reader(node, context);
    reader.flatten(value);
    reader.finish();
  } else {
    read_struct(node, value, context);
  }
}

template <class T>
void read_list(const YamlNode& node, std::vector<T>& list, const FieldSpec& spec,
               const ReadContext& context) {
  std::vector<T> out;
  if (node.kind == YamlNode::Kind::kScalar) {
    read_value(node, out.emplace_back(), spec, context);
  } else if (node.kind == YamlNode::Kind::kMap) {
    return context.add(node.place, {"expected a list, got a map", ""});
  }
  for (size_t i = 0; i < node.items.size(); ++i) {
    const ReadContext item{context.path + "[" + std::to_string(i) + "]", context.problems};
    read_value(node.items[i], out.emplace_back(), spec, item);
  }
  list = std::move(out);
}

template <class T>
void read_map(const YamlNode& node, std::map<std::string, T>& map, const FieldSpec& spec,
              const ReadContext& context) {
  if (node.kind == YamlNode::Kind::kScalar || node.kind == YamlNode::Kind::kList) {
    return context.add(node.place, {"expected a map, got " + describe(node), ""});
  }
  map.clear();
  for (const YamlEntry& entry : node.entries) {
    read_value(entry.value, map[entry.key], spec, context.at(entry.key));
  }
}

template <class T>
void read_value(const YamlNode& node, T& value, const FieldSpec& spec, const ReadContext& context) {
  if constexpr (kIsOptional<T>) {
    if (node.kind == YamlNode::Kind::kNull ||
        (node.kind == YamlNode::Kind::kScalar && !node.quoted && node.scalar == "null")) {
      value.reset();
      return;
    }
    if (!value) value.emplace();
    read_value(node, *value, spec, context);
  } else if constexpr (kIsVector<T>) {
    read_list(node, value, spec, context);
  } else if constexpr (kIsMap<T>) {
    read_map(node, value, spec, context);
  } else if constexpr (kIsVariant<T> || Visited<T>) {
    read_group(node, value, context);
  } else {
    if (const auto fault = read_scalar(node, spec, value)) context.add(node.place, *fault);
  }
}

}  // namespace strata::train
