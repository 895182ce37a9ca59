#include "data/schema.h"

#include <xxhash.h>

#include <algorithm>

#include "base/error.h"
#include "data/json_fields.h"
#include "data/transforms.h"

namespace strata::data {
namespace {

template <class Feature>
int index_of(const std::vector<Feature>& features, std::string_view name) {
  const auto found = std::find_if(features.begin(), features.end(),
                                  [&](const Feature& feature) { return feature.name == name; });
  return found == features.end() ? -1 : static_cast<int>(found - features.begin());
}

}  // namespace

int Schema::dense_index(std::string_view name) const { return index_of(dense, name); }
int Schema::sparse_index(std::string_view name) const { return index_of(sparse, name); }
uint64_t Schema::missing_id() const { return text_id({}, hash_seed); }

uint64_t Schema::digest() const {
  const std::string text = to_json(*this).dump();
  return XXH3_64bits(text.data(), text.size());
}

nlohmann::json to_json(const Schema& schema) { return JsonWriter::value_of(schema); }

Schema schema_from_json(const nlohmann::json& json) {
  Schema schema;
  JsonReader reader(json, {});
  schema.visit(reader);
  reader.finish();
  return schema;
}

Schema with_fields(const Schema& schema, const std::vector<std::string>& fields,
                   const std::string& file, bool without_label) {
  Schema moved = schema;
  moved.fields = fields;
  const auto move_field = [&](int& field) {
    if (field < 0) return;
    const std::string& name = schema.fields[static_cast<size_t>(field)];
    const auto found = std::find(fields.begin(), fields.end(), name);
    if (found == fields.end()) {
      throw Error{ErrorCode::kData, "{}:1: the header has no field '{}'", file, name};
    }
    field = static_cast<int>(found - fields.begin());
  };
  for (DenseFeature& feature : moved.dense) move_field(feature.field);
  for (SparseFeature& feature : moved.sparse) move_field(feature.field);
  if (without_label) moved.label.field = -1;
  move_field(moved.label.field);
  move_field(moved.sample_weight_field);
  move_field(moved.time_field);
  move_field(moved.group_field);
  move_field(moved.id_field);
  return moved;
}

}  // namespace strata::data
