#pragma once
// Structs with visit() (base/fields.h) to and from JSON, lossless.

#include <cstddef>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/fields.h"

namespace strata::data {

template <class T>
concept HasEnumNames = requires {
  EnumNames<T>::kNames;
};

class JsonWriter {
 public:
  template <class T>
  void operator()(std::string_view name, const T& value, const FieldSpec&) {
    json_[std::string(name)] = value_of(value);
  }
  nlohmann::json take() { return std::move(json_); }

  template <class T>
  static nlohmann::json value_of(const T& value) {
    if constexpr (HasEnumNames<T>) {
      return std::string(enum_name(value));
    } else if constexpr (requires(T & t, JsonWriter & w) { t.visit(w); }) {
      JsonWriter writer;
      T copy = value;
      copy.visit(writer);
      return writer.take();
    } else {
      return value;
    }
  }
  template <class T>
  static nlohmann::json value_of(const std::vector<T>& values) {
    nlohmann::json list = nlohmann::json::array();
    for (const T& value : values) list.push_back(value_of(value));
    return list;
  }
  template <class T>
  static nlohmann::json value_of(const std::optional<T>& value) {
    return value ? value_of(*value) : nlohmann::json(nullptr);
  }

 private:
  nlohmann::json json_ = nlohmann::json::object();
};

/// Every field must be there, with its type; no other key may be.
class JsonReader {
 public:
  JsonReader(const nlohmann::json& json, std::string path) : json_(json), path_(std::move(path)) {
    if (!json.is_object()) fail(path_, "is not an object");
  }

  template <class T>
  void operator()(std::string_view name, T& value, const FieldSpec&) {
    ++fields_;
    const std::string path = path_.empty() ? std::string(name) : path_ + "." + std::string(name);
    const auto found = json_.find(std::string(name));
    if (found == json_.end()) fail(path, "is absent");
    read(*found, value, path);
  }

  /// After visit(): refuses keys that no field took.
  void finish() const {
    if (json_.size() != fields_) fail(path_, "has keys this version does not know");
  }

 private:
  [[noreturn]] static void fail(const std::string& path, std::string_view what) {
    throw Error{ErrorCode::kCorrupt, "schema: '{}' {}", path, what};
  }

  template <class T>
  static bool fits(const nlohmann::json& json) {
    if (json.is_number_unsigned()) return std::in_range<T>(json.get<uint64_t>());
    return std::in_range<T>(json.get<int64_t>());
  }

  template <class T>
  static void read(const nlohmann::json& json, T& value, const std::string& path) {
    if constexpr (HasEnumNames<T>) {
      read_enum(json, value, path);
    } else if constexpr (requires(JsonReader & r) { value.visit(r); }) {
      JsonReader reader(json, path);
      value.visit(reader);
      reader.finish();
    } else if constexpr (std::is_same_v<T, std::string>) {
      if (!json.is_string()) fail(path, "is not a string");
      value = json.get<std::string>();
    } else if constexpr (std::is_same_v<T, bool>) {
      if (!json.is_boolean()) fail(path, "is not true or false");
      value = json.get<bool>();
    } else if constexpr (std::is_floating_point_v<T>) {
      if (!json.is_number()) fail(path, "is not a number");
      value = json.get<T>();
    } else {
      static_assert(std::is_integral_v<T>);
      if (!json.is_number_integer() || !fits<T>(json)) fail(path, "is not an integer in range");
      value = json.get<T>();
    }
  }
  template <class T>
  static void read(const nlohmann::json& json, std::vector<T>& values, const std::string& path) {
    if (!json.is_array()) fail(path, "is not a list");
    values.clear();
    for (const nlohmann::json& item : json) {
      read(item, values.emplace_back(), path + "[" + std::to_string(values.size()) + "]");
    }
  }
  template <class T>
  static void read(const nlohmann::json& json, std::optional<T>& value, const std::string& path) {
    value.reset();
    if (!json.is_null()) read(json, value.emplace(), path);
  }
  template <class E>
  static void read_enum(const nlohmann::json& json, E& value, const std::string& path) {
    for (const auto& [candidate, name] : EnumNames<E>::kNames) {
      if (json.is_string() && json.get_ref<const std::string&>() == name) {
        value = candidate;
        return;
      }
    }
    fail(path, "is none of the known names");
  }

  const nlohmann::json& json_;
  std::string path_;
  size_t fields_ = 0;
};

}  // namespace strata::data
