#include "data/criteo.h"

#include <fmt/format.h>

#include "base/config_fault.h"

namespace strata::data {
namespace {

std::vector<ColumnConfig> criteo_columns() {
  std::vector<ColumnConfig> columns;
  columns.push_back({.name = "label", .type = ColumnType::kLabel});
  for (int i = 1; i <= kCriteoIntegers; ++i) {
    columns.push_back({.name = fmt::format("I{}", i),
                       .type = ColumnType::kNumeric,
                       .transform = Transform::kLog});
  }
  for (int i = 1; i <= kCriteoCategories; ++i) {
    columns.push_back({.name = fmt::format("C{}", i), .encoding = IdEncoding::kHex});
  }
  return columns;
}

}  // namespace

std::vector<std::string> criteo_fields() {
  std::vector<std::string> fields;
  for (const ColumnConfig& column : criteo_columns()) fields.push_back(column.name);
  return fields;
}

std::vector<ColumnConfig> preset_columns(const std::string& preset) {
  std::vector<ColumnConfig> columns = criteo_columns();
  if (preset == "criteo") return columns;
  if (preset != "criteo_bucketized") {
    throw_fault({{{"preset"}, {}},
                 fmt::format("data.columns: no preset is named '{}'", preset),
                 suggest_name(preset, {"criteo", "criteo_bucketized"}, "presets")});
  }
  for (int i = 1; i <= kCriteoIntegers; ++i) {
    columns.push_back({.name = fmt::format("I{}_bucket", i),
                       .source = fmt::format("I{}", i),
                       .type = ColumnType::kNumeric,
                       .transform = Transform::kLogSquared,
                       .use = FeatureUse::kWide});
  }
  return columns;
}

}  // namespace strata::data
