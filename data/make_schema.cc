#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "data/criteo.h"
#include "data/input_file.h"
#include "data/read_header.h"
#include "data/schema.h"

namespace strata::data {
namespace {

template <class... Args>
[[noreturn]] void refuse(const ColumnConfig& column, fmt::format_string<Args...> format,
                         Args&&... args) {
  throw Error{ErrorCode::kConfig, "data.columns: column '{}': {}", column.name,
              fmt::format(format, std::forward<Args>(args)...)};
}

std::vector<ColumnConfig> expanded(const std::vector<ColumnConfig>& columns) {
  std::vector<ColumnConfig> all;
  for (const ColumnConfig& column : columns) {
    if (column.preset.empty()) {
      all.push_back(column);
      continue;
    }
    if (!column.name.empty()) refuse(column, "a preset takes no other key");
    for (ColumnConfig& added : preset_columns(column.preset)) all.push_back(std::move(added));
  }
  std::set<std::string> names;
  for (const ColumnConfig& column : all) {
    if (column.name.empty()) refuse(column, "every column needs a name");
    if (!names.insert(column.name).second) refuse(column, "the name is used twice");
  }
  return all;
}

std::vector<std::string> fields_of(const DataConfig& config) {
  if (config.format != Format::kCsv) return criteo_fields();
  if (!config.csv.fields.empty()) return config.csv.fields;
  if (!config.csv.header) {
    throw Error{ErrorCode::kConfig, "data.csv: without a header, `fields` has to name the fields"};
  }
  const std::vector<std::string> files = expand_inputs(config.train);
  if (files.empty()) {
    throw Error{ErrorCode::kConfig, "data.csv: without training files, `fields` has to be given"};
  }
  return read_header(files.front(), config.csv);
}

void check_dialect(const CsvConfig& csv) {
  const auto refuse_key = [](std::string_view key, std::string_view why) {
    throw Error{ErrorCode::kConfig, "data.csv.{}: {}", key, why};
  };
  if (csv.delimiter.size() != 1) refuse_key("delimiter", "is one character");
  if (csv.quote.size() > 1) refuse_key("quote", "is one character, or empty");
  if (csv.quote == csv.delimiter) refuse_key("quote", "cannot be the delimiter");
  for (const char c : csv.delimiter + csv.quote) {
    if (c == '\n' || c == '\r' || c == '\0') refuse_key("delimiter", "cannot be a line end or NUL");
  }
}

bool makes_buckets(Transform transform) {
  return transform == Transform::kBoundaries || transform == Transform::kQuantiles ||
         transform == Transform::kLogSquared;
}

/// Adds columns to a schema, one by one, refusing what means nothing.
class SchemaMaker {
 public:
  explicit SchemaMaker(Schema& schema) : schema_(schema) {}

  void add(const ColumnConfig& column) {
    switch (column.type) {
      case ColumnType::kNumeric:
        return makes_buckets(column.transform) ? add_buckets(column) : add_dense(column);
      case ColumnType::kCategorical:
      case ColumnType::kList:
        return add_category(column);
      case ColumnType::kCrossed:
        return add_crossed(column);
      case ColumnType::kLabel:
        take_special(column, schema_.label.field);
        schema_.label.positive = column.positive;
        schema_.label.negative = column.negative;
        if (column.positive.empty() && !column.negative.empty()) {
          refuse(column, "`negative` needs `positive`");
        }
        return;
      case ColumnType::kSampleWeight:
        return take_special(column, schema_.sample_weight_field);
      case ColumnType::kTime:
        return take_special(column, schema_.time_field);
      case ColumnType::kGroup:
        return take_special(column, schema_.group_field);
      case ColumnType::kId:
        return take_special(column, schema_.id_field);
      case ColumnType::kIgnore:
        field_of(column);
        return;
    }
  }

 private:
  int field_of(const ColumnConfig& column) const {
    const std::string& name = column.source.empty() ? column.name : column.source;
    const auto found = std::find(schema_.fields.begin(), schema_.fields.end(), name);
    if (found == schema_.fields.end()) refuse(column, "the input has no field '{}'", name);
    return static_cast<int>(found - schema_.fields.begin());
  }

  void take_special(const ColumnConfig& column, int& field) const {
    if (field >= 0) {
      refuse(column, "there is a column of type {} already", enum_name(column.type));
    }
    field = field_of(column);
  }

  static void check_numbers(const ColumnConfig& column) {
    const bool finite = std::all_of(column.clip.begin(), column.clip.end(),
                                    [](double x) { return std::isfinite(x); });
    if (!column.clip.empty() &&
        (column.clip.size() != 2 || !finite || column.clip[0] > column.clip[1])) {
      refuse(column, "`clip` is two finite numbers, the lower one first");
    }
    if (column.missing && !std::isfinite(*column.missing)) refuse(column, "`missing` is finite");
  }

  static void check_keys(const ColumnConfig& column) {
    if (column.keys != KeyRule::kExact && column.buckets < 1) {
      refuse(column, "keys: {} needs `buckets`", enum_name(column.keys));
    }
    if (column.keys == KeyRule::kExact && column.buckets != 0) {
      refuse(column, "`buckets` needs keys: hashed or modulo");
    }
  }

  void add_dense(const ColumnConfig& column) {
    check_numbers(column);
    if (column.transform == Transform::kStandardised) schema_.fitted = false;
    schema_.dense.push_back({.name = column.name,
                             .field = field_of(column),
                             .transform = column.transform,
                             .missing = column.missing,
                             .non_finite = column.non_finite,
                             .clip = column.clip});
  }

  SparseFeature sparse_of(const ColumnConfig& column) const {
    check_keys(column);
    if (column.type != ColumnType::kNumeric && column.transform != Transform::kNone) {
      refuse(column, "only numeric columns have a `transform`");
    }
    return {.name = column.name,
            .table = column.table.empty() ? column.name : column.table,
            .use = column.use,
            .keys = column.keys,
            .buckets = static_cast<uint64_t>(column.buckets),
            .encoding = column.encoding};
  }

  void add_buckets(const ColumnConfig& column) {
    check_numbers(column);
    SparseFeature feature = sparse_of(column);
    feature.kind = SparseKind::kBuckets;
    feature.field = field_of(column);
    feature.transform = column.transform;
    feature.boundaries = column.boundaries;
    feature.quantiles = column.quantiles;
    feature.missing = column.missing;
    feature.non_finite = column.non_finite;
    feature.clip = column.clip;
    const bool given = column.transform == Transform::kBoundaries;
    const auto& bounds = column.boundaries;
    if (given == bounds.empty())
      refuse(column, "transform boundaries and `boundaries` go together");
    for (size_t i = 0; i < bounds.size(); ++i) {
      if (!std::isfinite(bounds[i]) || (i > 0 && bounds[i] <= bounds[i - 1])) {
        refuse(column, "`boundaries` are finite and ascending");
      }
    }
    if ((column.transform == Transform::kQuantiles) != (column.quantiles >= 2)) {
      refuse(column, "transform quantiles and `quantiles` (2 or more) go together");
    }
    if (column.transform == Transform::kQuantiles) schema_.fitted = false;
    schema_.sparse.push_back(std::move(feature));
  }

  void add_category(const ColumnConfig& column) {
    SparseFeature feature = sparse_of(column);
    feature.field = field_of(column);
    if (column.type == ColumnType::kList) {
      feature.kind = SparseKind::kList;
      if (!column.separator.empty()) feature.separator = column.separator;
      feature.weight_separator = column.weight_separator;
      feature.max_length = column.max_length;
      if (feature.separator.size() != 1 || feature.weight_separator.size() > 1 ||
          feature.separator == feature.weight_separator) {
        refuse(column, "`separator` and `weight_separator` are one character each, not the same");
      }
    }
    schema_.sparse.push_back(std::move(feature));
  }

  void add_crossed(const ColumnConfig& column) {
    SparseFeature feature = sparse_of(column);
    feature.kind = SparseKind::kCrossed;
    feature.encoding = IdEncoding::kText;
    if (column.of.size() < 2) refuse(column, "`of` names two or more columns");
    for (const std::string& name : column.of) {
      const int parent = schema_.sparse_index(name);
      if (parent < 0) {
        refuse(column, "'{}' is no sparse column listed before it (numbers cross by their buckets)",
               name);
      }
      if (schema_.sparse[static_cast<size_t>(parent)].kind == SparseKind::kList) {
        refuse(column, "'{}' is a list, and lists do not cross", name);
      }
      feature.of.push_back(parent);
    }
    schema_.sparse.push_back(std::move(feature));
  }

  Schema& schema_;
};

}  // namespace

Schema make_schema(const DataConfig& config) {
  if (config.format == Format::kCsv) check_dialect(config.csv);
  Schema schema{.format = config.format,
                .csv = config.csv,
                .fields = fields_of(config),
                .dense = {},
                .sparse = {},
                .label = {},
                .hash_seed = config.hash_seed};
  std::set<std::string> unique(schema.fields.begin(), schema.fields.end());
  if (unique.size() != schema.fields.size()) {
    throw Error{ErrorCode::kConfig, "data.csv: two fields have the same name"};
  }
  SchemaMaker maker(schema);
  for (const ColumnConfig& column : expanded(config.columns)) maker.add(column);
  if (schema.dense.empty() && schema.sparse.empty()) {
    throw Error{ErrorCode::kConfig, "data.columns: no column is a feature"};
  }
  return schema;
}

}  // namespace strata::data
