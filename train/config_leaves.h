#pragma once
// Takes config structs (base/fields.h) apart into leaves: path and text of every value. The
// resolved config, `config show` and the resume check are made of these.

#include <string>
#include <string_view>
#include <vector>

#include "train/config_values.h"

namespace strata::train {

/// One value that has no keys below it. Lists are leaves, written in YAML's flow style; items that
/// are maps leave out what is default.
struct ConfigLeaf {
  std::vector<std::string> path;  // {"train", "batch_size"}
  std::string text;               // YAML that reads back to the same value
  OnResume on_resume = OnResume::kFixed;
  bool secret = false;

  /// "train.batch_size".
  std::string key() const;
};

/// "{name: age, type: numeric}" from leaves of one level.
std::string flow_map(const std::vector<ConfigLeaf>& leaves);
/// `leaves` without those whose text is that of `defaults` at the same key.
std::vector<ConfigLeaf> without_defaults(std::vector<ConfigLeaf> leaves,
                                         const std::vector<ConfigLeaf>& defaults);
/// "[1, 2]"; items that are maps stand on lines of their own, indented by `indent` columns.
std::string flow_list(const std::vector<std::string>& items, bool maps, size_t indent);

template <class T>
std::string flow_text(const T& value, size_t indent);

/// The visitor: appends the leaves of what it visits to `out`.
class LeafCollector {
 public:
  LeafCollector(std::vector<std::string> path, std::vector<ConfigLeaf>& out)
      : path_(std::move(path)), out_(out) {}

  template <class T>
  void operator()(std::string_view name, T& field, const FieldSpec& spec) {
    std::vector<std::string> path = path_;
    path.emplace_back(name);
    collect(std::move(path), field, spec);
  }

  template <class Variant>
  void flatten(Variant& variant) {
    std::vector<std::string> path = path_;
    path.emplace_back("name");
    out_.push_back({std::move(path), std::string(alternative_name(variant)), on_resume_, false});
    std::visit([this](auto& alternative) { alternative.visit(*this); }, variant);
  }

  template <class T, class Base>
  void rest(std::map<std::string, T>& values, const FieldSpec& spec, const Base& /*base*/) {
    for (auto& [name, value] : values) (*this)(name, value, spec);
  }

 private:
  template <class T>
  void collect(std::vector<std::string> path, T& value, const FieldSpec& spec) {
    if constexpr (kIsOptional<T>) {
      if (value) return collect(std::move(path), *value, spec);
      out_.push_back({std::move(path), "null", spec.on_resume, spec.secret});
    } else if constexpr (kIsMap<T>) {
      LeafCollector inner(path, out_);
      inner.on_resume_ = spec.on_resume;
      if (value.empty()) out_.push_back({std::move(path), "{}", spec.on_resume, spec.secret});
      for (auto& [name, item] : value) inner(name, item, spec);
    } else if constexpr (kIsVariant<T>) {
      LeafCollector inner(std::move(path), out_);
      inner.on_resume_ = spec.on_resume;
      inner.flatten(value);
    } else if constexpr (Visited<T>) {
      LeafCollector inner(std::move(path), out_);
      inner.on_resume_ = spec.on_resume;
      value.visit(inner);
    } else {
      const size_t indent = 2 * path.size();
      out_.push_back({std::move(path), flow_text(value, indent), spec.on_resume, spec.secret});
    }
  }

  std::vector<std::string> path_;
  std::vector<ConfigLeaf>& out_;
  OnResume on_resume_ = OnResume::kFixed;  // of the `name` of a variant
};

/// Leaves of a struct, in the order of its fields.
template <Visited T>
std::vector<ConfigLeaf> leaves_of(T value) {
  std::vector<ConfigLeaf> out;
  LeafCollector collector({}, out);
  value.visit(collector);
  return out;
}

template <class T>
std::string flow_text(const T& value, size_t indent) {
  if constexpr (kIsVector<T>) {
    std::vector<std::string> items;
    items.reserve(value.size());
    for (const auto& item : value) items.push_back(flow_text(item, indent));
    return flow_list(items, Visited<typename T::value_type>, indent);
  } else if constexpr (Visited<T>) {
    return flow_map(without_defaults(leaves_of(value), leaves_of(T{})));
  } else {
    return write_scalar(value);
  }
}

}  // namespace strata::train
