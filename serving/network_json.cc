#include "serving/network_json.h"

#include <algorithm>
#include <limits>
#include <string>
#include <type_traits>
#include <vector>

#include "base/error.h"
#include "base/fields.h"

namespace strata::serving {
namespace {

using Json = nlohmann::ordered_json;

[[noreturn]] void wrong(std::string_view key, std::string_view why) {
  throw Error(ErrorCode::kCorrupt, "the manifest's network: '{}' {}", key, why);
}

const Json& member(const Json& json, std::string_view key) {
  const auto found = json.is_object() ? json.find(key) : json.end();
  if (found == json.end()) wrong(key, "is missing");
  return *found;
}

/// Field visitor (base/fields.h) that writes a struct as a JSON object.
class Writer {
 public:
  explicit Writer(Json& out) : out_(out) {}
  template <class T>
  void operator()(std::string_view name, const T& value, const FieldSpec& /*spec*/) {
    if constexpr (std::is_enum_v<T>) {
      out_[std::string(name)] = enum_name(value);
    } else {
      out_[std::string(name)] = value;
    }
  }

 private:
  Json& out_;
};

/// Field visitor that reads what Writer wrote and checks types and limits.
class Reader {
 public:
  explicit Reader(const Json& in) : in_(in) {}
  template <class T>
  void operator()(std::string_view name, T& value, const FieldSpec& spec) {
    ++fields_;
    read(name, member(in_, name), value, spec);
  }
  /// Call at the end: a member that no field took is an error.
  void finish(size_t others) const {
    if (in_.size() != fields_ + others) wrong("model", "has unknown members");
  }

 private:
  template <class T>
  static void read(std::string_view name, const Json& json, T& value, const FieldSpec& spec) {
    if constexpr (std::is_same_v<T, bool>) {
      if (!json.is_boolean()) wrong(name, "is not a boolean");
      value = json.get<bool>();
    } else if constexpr (std::is_same_v<T, std::string>) {
      if (!json.is_string()) wrong(name, "is not a string");
      value = json.get<std::string>();
    } else if constexpr (std::is_enum_v<T>) {
      read_enum(name, json, value);
    } else if constexpr (std::is_arithmetic_v<T>) {
      read_number(name, json, value, spec);
    } else {
      read_list(name, json, value, spec);
    }
  }

  template <class T>
  static void read_enum(std::string_view name, const Json& json, T& value) {
    for (const auto& [candidate, text] : EnumNames<T>::kNames) {
      if (json == text) {
        value = candidate;
        return;
      }
    }
    wrong(name, "has an unknown value");
  }

  template <class T>
  static void read_number(std::string_view name, const Json& json, T& value,
                          const FieldSpec& spec) {
    if (std::is_integral_v<T> ? !json.is_number_integer() : !json.is_number()) {
      wrong(name, "is not a number");
    }
    const double number = json.get<double>();
    const double low = std::max(spec.min, static_cast<double>(std::numeric_limits<T>::lowest()));
    const double high = std::min(spec.max, static_cast<double>(std::numeric_limits<T>::max()));
    if (!(number >= low && number <= high)) wrong(name, "is out of range");
    value = json.get<T>();
  }

  template <class T>
  static void read_list(std::string_view name, const Json& json, std::vector<T>& values,
                        const FieldSpec& spec) {
    constexpr size_t kLimit = 4096;
    if (!json.is_array() || json.size() > kLimit) wrong(name, "is not a list");
    values.clear();
    FieldSpec item_spec = spec;
    item_spec.max = std::min<double>(spec.max, 65536);  // a wider layer is no model, but an attack
    for (const Json& item : json) read(name, item, values.emplace_back(), item_spec);
  }

  const Json& in_;
  size_t fields_ = 0;
};

Json model_to_json(const models::ModelVariant& variant) {
  return std::visit(
      [](auto model) {
        Json json = {{"name", model.kName}};
        Writer writer(json);
        model.visit(writer);
        return json;
      },
      variant);
}

/// Tries the alternatives of the list of models, one after the other.
template <size_t I = 0>
models::ModelVariant model_from_json(const Json& json) {
  if constexpr (I == std::variant_size_v<models::ModelVariant>) {
    wrong("model", "is not one this build knows");
  } else {
    using Model = std::variant_alternative_t<I, models::ModelVariant>;
    if (member(json, "name") != Model::kName) return model_from_json<I + 1>(json);
    Model model;
    Reader reader(json);
    model.visit(reader);
    reader.finish(1);
    return model;
  }
}

constexpr FieldSpec kAny{.doc = {}};  // no limits but the type's

/// The fields of a feature and of a table that serving needs, by the same visitors.
struct FeatureFields {
  models::FeatureSpec& feature;
  template <class V>
  void visit(V& v) {
    v("name", feature.name, kAny);
    v("wide", feature.wide, kAny);
    v("deep", feature.deep, kAny);
    v("table", feature.table, kAny);
    v("wide_table", feature.wide_table, kAny);
    v("pooling", feature.pooling, kAny);
  }
};

struct TableFields {
  embedding::TableConfig& table;
  template <class V>
  void visit(V& v) {
    v("name", table.name, kAny);
    v("dim", table.dim, {.doc = {}, .min = 1, .max = 65536});
    v("pooling", table.pooling, kAny);
    v("default_row", table.default_row, {.doc = {}, .min = -1e6, .max = 1e6});
  }
};

template <class Fields>
Json fields_to_json(Fields fields) {
  Json json = Json::object();
  Writer writer(json);
  fields.visit(writer);
  return json;
}

template <class Fields>
void fields_from_json(Fields fields, const Json& json) {
  Reader reader(json);
  fields.visit(reader);
  reader.finish(0);
}

}  // namespace

Json to_json(const models::NetworkConfig& config) {
  Json json = {{"model", model_to_json(config.model)},
               {"dense_width", config.input.dense_width},
               {"precision", enum_name(config.dense.precision)},
               {"features", Json::array()},
               {"tables", Json::array()}};
  for (models::FeatureSpec feature : config.input.features) {
    json["features"].push_back(fields_to_json(FeatureFields{feature}));
  }
  for (embedding::TableConfig table : config.tables) {
    json["tables"].push_back(fields_to_json(TableFields{table}));
  }
  return json;
}

models::NetworkConfig network_config_from_json(const Json& json) {
  models::NetworkConfig config;
  config.model = model_from_json(member(json, "model"));
  Reader reader(json);
  reader("dense_width", config.input.dense_width, {.doc = {}, .min = 0, .max = 1 << 20});
  reader("precision", config.dense.precision, kAny);
  reader.finish(3);
  config.dense.optimizer = {.algorithm = kernels::Sgd{}};
  for (const Json& entry : member(json, "features")) {
    fields_from_json(FeatureFields{config.input.features.emplace_back()}, entry);
  }
  for (const Json& entry : member(json, "tables")) {
    embedding::TableConfig& table = config.tables.emplace_back();
    fields_from_json(TableFields{table}, entry);
    table.optimizer = {.algorithm = kernels::Sgd{}};
    table.trainable = false;
  }
  return config;
}

}  // namespace strata::serving
