#include <algorithm>
#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "base/config_fault.h"
#include "data/criteo.h"
#include "data/input_file.h"
#include "data/read_header.h"
#include "data/schema.h"

namespace strata::data {
namespace {

/// Whether a CSV header may be opened for the names of the fields.
enum class FieldsFrom { kHeader, kConfig };

/// What is wrong with a column, at its key; `note` says how to mend it.
[[noreturn]] void refuse(const ColumnConfig& column, std::string_view key, std::string_view why,
                         std::string note = {}) {
  throw_fault({.paths = {{std::string(key)}, {"name"}},
               .message = fmt::format("data.columns: column '{}': {}", column.name, why),
               .note = std::move(note)});
}

/// The columns one item of data.columns stands for.
std::vector<ColumnConfig> expanded(const ColumnConfig& item) {
  if (item.preset.empty()) return {item};
  if (!item.name.empty()) refuse(item, "name", "a preset takes no other key");
  return preset_columns(item.preset);
}

std::vector<std::string> fields_of(const DataConfig& config, FieldsFrom where) {
  if (config.format != Format::kCsv) return criteo_fields();
  if (!config.csv.fields.empty()) return config.csv.fields;
  if (!config.csv.header) {
    throw_fault({{{"data", "csv", "fields"}, {"data", "csv", "header"}},
                 "data.csv: without a header, `fields` has to name the fields"});
  }
  if (where == FieldsFrom::kConfig) return {};
  const std::vector<std::string> files = expand_inputs(config.train);
  if (files.empty()) {
    throw_fault({{{"data", "csv", "fields"}, {"data", "format"}},
                 "data.csv: without training files, `fields` has to be given"});
  }
  return read_header(files.front(), config.csv);
}

void check_fields(const std::vector<std::string>& fields) {
  std::set<std::string> seen;
  for (const std::string& field : fields) {
    if (seen.insert(field).second) continue;
    throw_fault({{{"data", "csv", "fields"}, {"data", "train"}},
                 fmt::format("data.csv: two fields have the same name: '{}'", field)});
  }
}

void check_dialect(const CsvConfig& csv) {
  const auto refuse_key = [](std::string_view key, std::string_view why) {
    throw_fault({{{"data", "csv", std::string(key)}}, fmt::format("data.csv.{}: {}", key, why)});
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
  /// `fields_known`: a column of another field than those of the schema is refused; otherwise the
  /// field is added.
  SchemaMaker(Schema& schema, bool fields_known) : schema_(schema), fields_known_(fields_known) {}

  /// All columns; what is wrong with them goes to `faults`. A preset tells its first fault only.
  void add_all(const std::vector<ColumnConfig>& items, FaultList& faults) {
    for (size_t i = 0; i < items.size(); ++i) {
      const auto add_item = [&] {
        for (const ColumnConfig& column : expanded(items[i])) add_named(column);
      };
      faults.collect(add_item, {"data", "columns", item_key(i)});
    }
  }

 private:
  void add_named(const ColumnConfig& column) {
    if (column.name.empty()) refuse(column, "name", "every column needs a name");
    if (!names_.insert(column.name).second) refuse(column, "name", "the name is used twice");
    failed_.insert(column.name);
    add(column);
    failed_.erase(column.name);
  }

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
          refuse(column, "negative", "`negative` needs `positive`");
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

  int field_of(const ColumnConfig& column) {
    const std::string& name = column.source.empty() ? column.name : column.source;
    const auto found = std::find(schema_.fields.begin(), schema_.fields.end(), name);
    const auto index = static_cast<int>(found - schema_.fields.begin());
    if (found != schema_.fields.end()) return index;
    if (fields_known_) {
      refuse(column, "source", fmt::format("the input has no field '{}'", name),
             suggest_name(name, schema_.fields, "fields"));
    }
    schema_.fields.push_back(name);
    return index;
  }

  void take_special(const ColumnConfig& column, int& field) {
    if (field >= 0) {
      refuse(column, "type",
             fmt::format("there is a column of type {} already", enum_name(column.type)));
    }
    field = field_of(column);
  }

  static void check_numbers(const ColumnConfig& column) {
    const bool finite = std::all_of(column.clip.begin(), column.clip.end(),
                                    [](double x) { return std::isfinite(x); });
    if (!column.clip.empty() &&
        (column.clip.size() != 2 || !finite || column.clip[0] > column.clip[1])) {
      refuse(column, "clip", "`clip` is two finite numbers, the lower one first");
    }
    if (column.missing && !std::isfinite(*column.missing))
      refuse(column, "missing", "`missing` is finite");
  }

  static void check_keys(const ColumnConfig& column) {
    if (column.keys != KeyRule::kExact && column.buckets < 1) {
      refuse(column, "keys", fmt::format("keys: {} needs `buckets`", enum_name(column.keys)));
    }
    if (column.keys == KeyRule::kExact && column.buckets != 0) {
      refuse(column, "buckets", "`buckets` needs keys: hashed or modulo");
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

  static SparseFeature sparse_of(const ColumnConfig& column) {
    check_keys(column);
    if (column.type != ColumnType::kNumeric && column.transform != Transform::kNone) {
      refuse(column, "transform", "only numeric columns have a `transform`");
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
      refuse(column, "boundaries", "transform boundaries and `boundaries` go together");
    for (size_t i = 0; i < bounds.size(); ++i) {
      if (!std::isfinite(bounds[i]) || (i > 0 && bounds[i] <= bounds[i - 1])) {
        refuse(column, "boundaries", "`boundaries` are finite and ascending");
      }
    }
    if ((column.transform == Transform::kQuantiles) != (column.quantiles >= 2)) {
      refuse(column, "quantiles", "transform quantiles and `quantiles` (2 or more) go together");
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
        refuse(column, "separator",
               "`separator` and `weight_separator` are one character each, not the same");
      }
    }
    schema_.sparse.push_back(std::move(feature));
  }

  void add_crossed(const ColumnConfig& column) {
    SparseFeature feature = sparse_of(column);
    feature.kind = SparseKind::kCrossed;
    feature.encoding = IdEncoding::kText;
    if (column.of.size() < 2) refuse(column, "of", "`of` names two or more columns");
    for (size_t i = 0; i < column.of.size(); ++i) feature.of.push_back(parent_of(column, i));
    schema_.sparse.push_back(std::move(feature));
  }

  /// The sparse feature that is `column.of[i]`.
  int parent_of(const ColumnConfig& column, size_t i) const {
    const std::string& name = column.of[i];
    const int parent = schema_.sparse_index(name);
    if (failed_.contains(name)) throw ConfigFaults({});  // told where that column stands
    const auto refuse_item = [&](const char* why, std::string note) {
      throw_fault(
          {.paths = {{"of", item_key(i)}},
           .message = fmt::format("data.columns: column '{}': '{}' {}", column.name, name, why),
           .note = std::move(note)});
    };
    if (parent < 0) {
      std::vector<std::string> sparse;
      sparse.reserve(schema_.sparse.size());
      for (const SparseFeature& feature : schema_.sparse) sparse.push_back(feature.name);
      refuse_item("is no sparse column listed before it (numbers cross by their buckets)",
                  suggest_name(name, sparse, "sparse columns before it"));
    }
    if (schema_.sparse[static_cast<size_t>(parent)].kind == SparseKind::kList) {
      refuse_item("is a list, and lists do not cross", "");
    }
    return parent;
  }

  Schema& schema_;
  bool fields_known_;
  std::set<std::string> names_;
  std::set<std::string> failed_;
};

Schema schema_of(const DataConfig& config, FieldsFrom where) {
  if (config.format == Format::kCsv) check_dialect(config.csv);
  Schema schema{.format = config.format,
                .csv = config.csv,
                .fields = fields_of(config, where),
                .dense = {},
                .sparse = {},
                .label = {},
                .hash_seed = config.hash_seed};
  check_fields(schema.fields);
  FaultList faults;
  SchemaMaker(schema, !schema.fields.empty()).add_all(config.columns, faults);
  faults.throw_if_any();
  if (schema.dense.empty() && schema.sparse.empty()) {
    throw_fault({{{"data", "columns"}}, "data.columns: no column is a feature"});
  }
  return schema;
}

}  // namespace

Schema make_schema(const DataConfig& config) { return schema_of(config, FieldsFrom::kHeader); }

Schema planned_schema(const DataConfig& config) { return schema_of(config, FieldsFrom::kConfig); }

}  // namespace strata::data
