#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "data/config.h"

namespace strata::data {

/// A number of each sample. Its statistics are fitted on the training data and never again.
struct DenseFeature {
  std::string name{};
  int field = 0;                           // index into Schema::fields
  Transform transform = Transform::kNone;  // kNone, kLog or kStandardised
  double mean = 0;                         // kStandardised, fitted
  double deviation = 1;                    // kStandardised, fitted; > 0
  std::optional<double> missing{};         // value before the transform; null: 0 after it
  NonFinite non_finite = NonFinite::kBadRow;
  std::vector<double> clip{};  // empty, or {low, high}
  bool operator==(const DenseFeature&) const = default;

  template <class V>
  void visit(V& v) {
    v("name", name, {});
    v("field", field, {});
    v("transform", transform, {});
    v("mean", mean, {});
    v("deviation", deviation, {});
    v("missing", missing, {});
    v("non_finite", non_finite, {});
    v("clip", clip, {});
  }
};

enum class SparseKind { kCategory, kList, kBuckets, kCrossed };

}  // namespace strata::data

namespace strata {
template <>
struct EnumNames<data::SparseKind> {
  static constexpr std::pair<data::SparseKind, std::string_view> kNames[] = {
      {data::SparseKind::kCategory, "category"},
      {data::SparseKind::kList, "list"},
      {data::SparseKind::kBuckets, "buckets"},
      {data::SparseKind::kCrossed, "crossed"}};
};
}  // namespace strata

namespace strata::data {

/// One index f of Batch: a categorical, list, bucketised or crossed column.
struct SparseFeature {
  std::string name{};
  SparseKind kind = SparseKind::kCategory;
  int field = -1;       // index into Schema::fields; -1: crossed
  std::string table{};  // default: name
  FeatureUse use = FeatureUse::kBoth;
  KeyRule keys = KeyRule::kExact;
  uint64_t buckets = 0;                       // range of kHashed and kModulo
  IdEncoding encoding = IdEncoding::kText;    // kCategory, kList
  std::string separator = "|";                // kList, one character
  std::string weight_separator{};             // kList; empty: items carry no weight
  int64_t max_length = 0;                     // kList; 0: no limit
  Transform transform = Transform::kNone;     // kBuckets: kBoundaries, kQuantiles or kLogSquared
  int64_t quantiles = 0;                      // kQuantiles: buckets asked for
  std::vector<double> boundaries{};           // kBoundaries given, kQuantiles fitted; ascending
  std::optional<double> missing{};            // kBuckets: value before bucketing
  NonFinite non_finite = NonFinite::kBadRow;  // kBuckets
  std::vector<double> clip{};                 // kBuckets: empty, or {low, high}
  std::vector<int> of{};                      // kCrossed: earlier indices into Schema::sparse
  bool operator==(const SparseFeature&) const = default;

  template <class V>
  void visit(V& v) {
    v("name", name, {});
    v("kind", kind, {});
    v("field", field, {});
    v("table", table, {});
    v("use", use, {});
    v("keys", keys, {});
    v("buckets", buckets, {});
    v("encoding", encoding, {});
    v("separator", separator, {});
    v("weight_separator", weight_separator, {});
    v("max_length", max_length, {});
    v("transform", transform, {});
    v("quantiles", quantiles, {});
    v("boundaries", boundaries, {});
    v("missing", missing, {});
    v("non_finite", non_finite, {});
    v("clip", clip, {});
    v("of", of, {});
  }
};

/// Which text of the label field means 1.
struct LabelRule {
  int field = -1;                       // -1: the rows carry no label
  std::vector<std::string> positive{};  // empty: the numbers 0 and 1
  std::vector<std::string> negative{};  // empty: every other text
  bool operator==(const LabelRule&) const = default;

  template <class V>
  void visit(V& v) {
    v("field", field, {});
    v("positive", positive, {});
    v("negative", negative, {});
  }
};

/// How a line of text becomes a sample: the whole meaning of the input, with fitted statistics.
/// Checkpoints and exports carry it; equal digests mean equal features from equal text.
/// A value; const members may be used from any thread.
struct Schema {
  Format format = Format::kCriteoTsv;
  CsvConfig csv;                        // dialect of kCsv
  std::vector<std::string> fields{};    // of a line, in order
  std::vector<DenseFeature> dense{};    // order of Batch::dense columns
  std::vector<SparseFeature> sparse{};  // order of Batch feature indices
  LabelRule label;
  int sample_weight_field = -1;
  int time_field = -1;
  int group_field = -1;
  int id_field = -1;
  uint64_t hash_seed = 0;
  bool fitted = true;  // false: standardised or quantile features await fit_schema()
  bool operator==(const Schema&) const = default;

  template <class V>
  void visit(V& v) {
    v("format", format, {});
    v("csv", csv, {});
    v("fields", fields, {});
    v("dense", dense, {});
    v("sparse", sparse, {});
    v("label", label, {});
    v("sample_weight_field", sample_weight_field, {});
    v("time_field", time_field, {});
    v("group_field", group_field, {});
    v("id_field", id_field, {});
    v("hash_seed", hash_seed, {});
    v("fitted", fitted, {});
  }

  /// Index into `dense` or `sparse`; -1 where no feature has that name.
  int dense_index(std::string_view name) const;
  int sparse_index(std::string_view name) const;
  /// The id of a missing category: XXH3-64 of the empty text under hash_seed.
  uint64_t missing_id() const;
  /// XXH3-64 of the canonical JSON text.
  uint64_t digest() const;
};

/// Lossless both ways: doubles are written so that they read back to the same bits.
/// schema_from_json throws Error{corrupt} naming the key that is absent or of another type.
nlohmann::json to_json(const Schema& schema);
Schema schema_from_json(const nlohmann::json& json);

/// The same schema for a file whose header names its fields in another order, or lacks some that no
/// feature needs (`without_label`: the label, too). Throws Error{data} naming `file` and the field
/// that is absent.
Schema with_fields(const Schema& schema, const std::vector<std::string>& fields,
                   const std::string& file, bool without_label);

/// The columns of `config` as a schema, checked; statistics not fitted yet (Schema::fitted).
/// Opens the first training file when a CSV header has to name the fields.
/// Throws ConfigFaults naming every faulty column, Error{missing} when that file does not exist.
Schema make_schema(const DataConfig& config);

/// The same without opening a file: the fields of a CSV header are taken to be those that the
/// columns are read from. For checking a config before its data are there.
Schema planned_schema(const DataConfig& config);

/// make_schema(), then statistics from one pass over the training rows (evaluation rows and rows
/// dropped by negative sampling excluded, bad rows skipped by the policy). The same bits for any
/// number of threads. Does not read the data when no column needs it.
Schema fit_schema(const DataConfig& config);

}  // namespace strata::data
