#pragma once
// The types a config field may have (base/fields.h): how each reads from a YAML scalar and how it
// is written. Text that is written reads back to the same bits.

#include <concepts>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <variant>
#include <vector>

#include "base/fields.h"
#include "train/yaml_node.h"

namespace strata::train {

/// The visitor that does nothing but notice `flatten`.
struct IgnoreFields {
  template <class T>
  void operator()(std::string_view, T&, const FieldSpec&) {}
  template <class T>
  void flatten(T&) {
    flattened = true;
  }
  template <class T, class Base>
  void rest(T&, const FieldSpec&, const Base&) {}
  bool flattened = false;
};

template <class T>
concept Visited = requires(T& t, IgnoreFields& v) {
  t.visit(v);
};
template <class T>
concept NamedEnum = std::is_enum_v<T> && requires {
  EnumNames<T>::kNames;
};
template <class T>
concept HasScalarField = requires {
  std::string_view(T::kScalarField);
};

template <class T>
inline constexpr bool kIsOptional = false;
template <class T>
inline constexpr bool kIsOptional<std::optional<T>> = true;
template <class T>
inline constexpr bool kIsVector = false;
template <class T>
inline constexpr bool kIsVector<std::vector<T>> = true;
template <class T>
inline constexpr bool kIsMap = false;
template <class T>
inline constexpr bool kIsMap<std::map<std::string, T>> = true;
template <class T>
inline constexpr bool kIsVariant = false;
template <class... Ts>
inline constexpr bool kIsVariant<std::variant<Ts...>> = true;

/// True for a struct that flattens a variant: its YAML map has the key `name`.
template <Visited T>
bool flattens_variant() {
  T value{};
  IgnoreFields probe;
  value.visit(probe);
  return probe.flattened;
}

/// Names of a variant's alternatives, in order.
template <class Variant>
std::vector<std::string> alternative_names() {
  return []<class... Ts>(std::type_identity<std::variant<Ts...>>) {
    return std::vector<std::string>{std::string(Ts::kName)...};
  }(std::type_identity<Variant>{});
}

template <class Variant>
std::string_view alternative_name(const Variant& value) {
  return std::visit([](const auto& a) -> std::string_view { return a.kName; }, value);
}

/// Makes `value` hold the alternative `name`. One it already holds keeps its fields; another starts
/// with its defaults. False if there is no such alternative.
template <class Variant>
bool choose_alternative(Variant& value, std::string_view name) {
  if (alternative_name(value) == name) return true;
  return [&]<class... Ts>(std::type_identity<std::variant<Ts...>>) {
    return ((Ts::kName == name ? (value.template emplace<Ts>(), true) : false) || ...);
  }(std::type_identity<Variant>{});
}

template <NamedEnum E>
std::vector<std::string> enum_choices() {
  std::vector<std::string> out;
  for (const auto& [value, name] : EnumNames<E>::kNames) out.emplace_back(name);
  return out;
}

/// The items with `separator` between them.
std::string join(const std::vector<std::string>& items, std::string_view separator);
/// "a, b or c".
std::string either_of(const std::vector<std::string>& choices);

/// What is wrong with a value: "expected an integer >= 1, got 'x'", and how to mend it.
struct Fault {
  std::string message;
  std::string note;
};

/// What stands at `node`, for messages: "'abc'", "a list", "nothing".
std::string describe(const YamlNode& node);

/// "an integer from 1 to 1024", "a number > 0", "true or false", "a size such as 512MiB", …
std::string expected_number(const FieldSpec& spec, bool integer, bool is_unsigned);

// Each reads `node` into `out` and returns nothing, or leaves `out` and says what is wrong.
std::optional<Fault> read_scalar(const YamlNode& node, const FieldSpec& spec, bool& out);
std::optional<Fault> read_scalar(const YamlNode& node, const FieldSpec& spec, int& out);
std::optional<Fault> read_scalar(const YamlNode& node, const FieldSpec& spec, int64_t& out);
std::optional<Fault> read_scalar(const YamlNode& node, const FieldSpec& spec, uint64_t& out);
std::optional<Fault> read_scalar(const YamlNode& node, const FieldSpec& spec, float& out);
std::optional<Fault> read_scalar(const YamlNode& node, const FieldSpec& spec, double& out);
std::optional<Fault> read_scalar(const YamlNode& node, const FieldSpec& spec, std::string& out);
std::optional<Fault> read_scalar(const YamlNode& node, const FieldSpec& spec, Bytes& out);
std::optional<Fault> read_scalar(const YamlNode& node, const FieldSpec& spec, Duration& out);
std::optional<Fault> read_scalar(const YamlNode& node, const FieldSpec& spec, Share& out);
/// Index into `choices`.
std::optional<Fault> read_choice(const YamlNode& node, const std::vector<std::string>& choices,
                                 size_t& out);

template <NamedEnum E>
std::optional<Fault> read_scalar(const YamlNode& node, const FieldSpec& /*spec*/, E& out) {
  size_t index = 0;
  if (auto fault = read_choice(node, enum_choices<E>(), index)) return fault;
  out = EnumNames<E>::kNames[index].first;
  return std::nullopt;
}

/// The name of the type in documentation and `config schema`.
template <class T>
std::string type_name(const FieldSpec& spec) {
  if constexpr (std::is_same_v<T, bool>) {
    return "true or false";
  } else if constexpr (NamedEnum<T>) {
    return either_of(enum_choices<T>());
  } else if constexpr (std::is_same_v<T, std::string>) {
    return "text";
  } else if constexpr (std::is_same_v<T, Bytes>) {
    return "a size such as 512MiB";
  } else if constexpr (std::is_same_v<T, Duration>) {
    return "a time such as 30m";
  } else if constexpr (std::is_same_v<T, Share>) {
    return "a share such as 10%";
  } else if constexpr (std::is_arithmetic_v<T>) {
    return expected_number(spec, std::is_integral_v<T>, std::is_unsigned_v<T>);
  } else if constexpr (kIsOptional<T>) {
    return type_name<typename T::value_type>(spec) + ", or null";
  } else if constexpr (kIsVector<T>) {
    return "a list; each item: " + type_name<typename T::value_type>(spec);
  } else {
    return "a map";
  }
}

std::string write_scalar(bool value);
std::string write_scalar(int64_t value);
std::string write_scalar(uint64_t value);
std::string write_scalar(float value);
std::string write_scalar(double value);
std::string write_scalar(const std::string& value);  // quoted where YAML would misread it
std::string write_scalar(Bytes value);
std::string write_scalar(Duration value);
std::string write_scalar(Share value);
inline std::string write_scalar(int value) { return write_scalar(static_cast<int64_t>(value)); }
template <NamedEnum E>
std::string write_scalar(E value) {
  return std::string(enum_name(value));
}

}  // namespace strata::train
