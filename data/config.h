#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/fields.h"
#include "data/generator_config.h"

namespace strata::data {

/// How the bytes of the input are laid out. One line of data/reader_list.cc per value.
enum class Format { kCriteoTsv, kCsv, kSynthetic };

/// Which rows `eval_fraction` sets aside: the last ones, or ones drawn by counter.
enum class Split { kTime, kRandom };

/// What a column means.
enum class ColumnType {
  kNumeric,       // a dense feature, or a sparse one when its transform makes buckets
  kCategorical,   // a sparse feature, one id
  kList,          // a sparse feature, any number of ids
  kCrossed,       // a sparse feature made of other sparse features
  kLabel,         // 0 or 1
  kSampleWeight,  // factor of the sample's loss, >= 0
  kTime,          // integer seconds
  kGroup,         // AUC is also taken within each group
  kId,            // text passed through to predictions
  kIgnore,
};

/// What happens to a number. docs/formats.md has the formulas and test vectors.
enum class Transform {
  kNone,          // as it is
  kLog,           // log(1 + max(x, 0))
  kStandardised,  // (x - mean) / standard deviation, of the training data
  kBoundaries,    // bucket number among `boundaries`
  kQuantiles,     // the same, boundaries fitted to the training data
  kLogSquared,    // floor(log(x)^2) above 2, the number itself below
};

/// How the text of a category becomes its id, before `keys`.
enum class IdEncoding { kText, kDecimal, kHex };

/// How an id becomes the key of a row.
enum class KeyRule { kExact, kHashed, kModulo };

/// Which part of a two-part model (wide & deep) looks the feature up.
enum class FeatureUse { kBoth, kWide, kDeep, kNone };

/// What `nan` and `inf` in a numeric column are.
enum class NonFinite { kBadRow, kMissing };

}  // namespace strata::data

namespace strata {

template <>
struct EnumNames<data::Format> {
  static constexpr std::pair<data::Format, std::string_view> kNames[] = {
      {data::Format::kCriteoTsv, "criteo_tsv"},
      {data::Format::kCsv, "csv"},
      {data::Format::kSynthetic, "synthetic"}};
};
template <>
struct EnumNames<data::Split> {
  static constexpr std::pair<data::Split, std::string_view> kNames[] = {
      {data::Split::kTime, "time"}, {data::Split::kRandom, "random"}};
};
template <>
struct EnumNames<data::ColumnType> {
  static constexpr std::pair<data::ColumnType, std::string_view> kNames[] = {
      {data::ColumnType::kNumeric, "numeric"}, {data::ColumnType::kCategorical, "categorical"},
      {data::ColumnType::kList, "list"},       {data::ColumnType::kCrossed, "crossed"},
      {data::ColumnType::kLabel, "label"},     {data::ColumnType::kSampleWeight, "sample_weight"},
      {data::ColumnType::kTime, "time"},       {data::ColumnType::kGroup, "group"},
      {data::ColumnType::kId, "id"},           {data::ColumnType::kIgnore, "ignore"}};
};
template <>
struct EnumNames<data::Transform> {
  static constexpr std::pair<data::Transform, std::string_view> kNames[] = {
      {data::Transform::kNone, "none"},
      {data::Transform::kLog, "log"},
      {data::Transform::kStandardised, "standardised"},
      {data::Transform::kBoundaries, "boundaries"},
      {data::Transform::kQuantiles, "quantiles"},
      {data::Transform::kLogSquared, "log_squared"}};
};
template <>
struct EnumNames<data::IdEncoding> {
  static constexpr std::pair<data::IdEncoding, std::string_view> kNames[] = {
      {data::IdEncoding::kText, "text"},
      {data::IdEncoding::kDecimal, "decimal"},
      {data::IdEncoding::kHex, "hex"}};
};
template <>
struct EnumNames<data::KeyRule> {
  static constexpr std::pair<data::KeyRule, std::string_view> kNames[] = {
      {data::KeyRule::kExact, "exact"},
      {data::KeyRule::kHashed, "hashed"},
      {data::KeyRule::kModulo, "modulo"}};
};
template <>
struct EnumNames<data::FeatureUse> {
  static constexpr std::pair<data::FeatureUse, std::string_view> kNames[] = {
      {data::FeatureUse::kBoth, "both"},
      {data::FeatureUse::kWide, "wide"},
      {data::FeatureUse::kDeep, "deep"},
      {data::FeatureUse::kNone, "none"}};
};
template <>
struct EnumNames<data::NonFinite> {
  static constexpr std::pair<data::NonFinite, std::string_view> kNames[] = {
      {data::NonFinite::kBadRow, "bad_row"}, {data::NonFinite::kMissing, "missing"}};
};

}  // namespace strata

namespace strata::data {

/// One column of `data.columns`. A plain word in its place names a preset: `columns: criteo`.
/// Defaults suit the named type; make_schema() refuses combinations that mean nothing.
struct ColumnConfig {
  static constexpr std::string_view kScalarField = "preset";

  std::string preset{};
  std::string name{};
  std::string source{};
  ColumnType type = ColumnType::kCategorical;
  Transform transform = Transform::kNone;
  std::vector<double> boundaries{};
  int64_t quantiles = 0;
  std::string table{};
  KeyRule keys = KeyRule::kExact;
  IdEncoding encoding = IdEncoding::kText;
  int64_t buckets = 0;
  std::string separator{};
  std::string weight_separator{};
  int64_t max_length = 0;
  std::vector<std::string> of{};
  std::vector<std::string> positive{};
  std::vector<std::string> negative{};
  std::optional<double> missing{};
  NonFinite non_finite = NonFinite::kBadRow;
  std::vector<double> clip{};
  FeatureUse use = FeatureUse::kBoth;

  template <class V>
  void visit(V& v) {
    v("preset", preset,
      {.doc = "A preset that stands for all its columns: criteo, or criteo_bucketized, which adds "
              "I1_bucket to I13_bucket (log_squared) for wide models. Leave every other key out."});
    v("name", name, {.doc = "Unique name of the feature."});
    v("source", source,
      {.doc = "Field of the file it is read from; default: name. Two columns may share a field."});
    v("type", type, {.doc = "What the column means."});
    v("transform", transform,
      {.doc = "Numeric columns: none, log (log(1 + max(x, 0))) and standardised give a dense "
              "feature; boundaries, quantiles and log_squared give a sparse feature of buckets."});
    v("boundaries", boundaries,
      {.doc = "transform boundaries: ascending; a number x is in bucket #{b: b <= x}."});
    v("quantiles", quantiles,
      {.doc = "transform quantiles: number of buckets of equal weight on the training data.",
       .min = 0,
       .max = 65536});
    v("table", table, {.doc = "Embedding table of a sparse feature; default: name."});
    v("keys", keys,
      {.doc = "exact: the 64-bit id itself; hashed: mixed, then reduced to `buckets`; modulo: id "
              "modulo `buckets`, as the published DLRM recipes do."});
    v("encoding", encoding,
      {.doc =
           "How text becomes an id: text (XXH3-64 with data.hash_seed), decimal (64-bit integer) "
           "or hex (up to 16 digits)."});
    v("buckets", buckets,
      {.doc = "Range of hashed and modulo keys: 0 … buckets - 1.", .min = 0, .max = 1e18});
    v("separator", separator, {.doc = "Between the items of a list; one character; default '|'."});
    v("weight_separator", weight_separator,
      {.doc = "Between id and weight of a list item (3:0.5 has ':'); default: items carry none."});
    v("max_length", max_length,
      {.doc = "Longest list kept, its first items; 0: no limit.", .min = 0, .max = 1048576});
    v("of", of, {.doc = "Crossed: names of the sparse, single-valued columns it combines."});
    v("positive", positive,
      {.doc = "Label: the texts that mean 1. Empty: the column holds the numbers 0 and 1."});
    v("negative", negative,
      {.doc = "Label: the texts that mean 0. Empty with `positive` given: every other text."});
    v("missing", missing,
      {.doc = "What a missing number is before the transform. Null: the transformed value is 0; a "
              "bucket is the id of the empty text, as for missing categories."});
    v("non_finite", non_finite, {.doc = "nan and inf make a bad_row, or count as missing."});
    v("clip", clip,
      {.doc = "Two numbers: values, infinities too, are clipped into the range first."});
    v("use", use,
      {.doc = "Part of a wide & deep model that looks the feature up; none: only in crosses."});
  }
};

/// The dialect of `format: csv` (RFC 4180; a quoted field may not contain a line end).
struct CsvConfig {
  std::string delimiter = ",";
  std::string quote = "\"";
  bool header = true;
  std::vector<std::string> fields;
  bool trim = true;
  std::vector<std::string> missing;
  bool operator==(const CsvConfig&) const = default;

  template <class V>
  void visit(V& v) {
    v("delimiter", delimiter, {.doc = "One character between fields; \"\\t\" for a tab."});
    v("quote", quote, {.doc = "One character around fields, doubled inside them; empty: none."});
    v("header", header, {.doc = "The first line of each file names its fields."});
    v("fields", fields,
      {.doc = "Names of the fields in order where there is no header; with one, the names it must "
              "have. Empty: taken from the header of the first file."});
    v("trim", trim, {.doc = "Blanks around unquoted fields are dropped."});
    v("missing", missing, {.doc = "Texts that mean missing, besides the empty one: ['?', 'NA']."});
  }
};

/// Where samples come from, in which order, and what they mean.
struct DataConfig {
  Format format = Format::kCriteoTsv;
  std::vector<std::string> train;
  std::vector<std::string> eval;
  double eval_fraction = 0;
  Split split = Split::kTime;
  std::vector<ColumnConfig> columns = {{.preset = "criteo"}};
  CsvConfig csv;
  GeneratorConfig synthetic;
  bool shuffle = true;
  Bytes block_bytes{1 << 20};
  int64_t window_blocks = 32;
  int64_t prefetch = 4;
  int threads = 1;
  double max_bad_ratio = 1e-4;
  double max_expansion = 100;
  double negative_sampling = 1;
  uint64_t hash_seed = 0;

  template <class V>
  void visit(V& v) {
    v("format", format, {.doc = "Layout of the input: criteo_tsv, csv, or synthetic (no files)."});
    v("train", train,
      {.doc = "Training files: one or a list; globs; plain, .gz or .zst. Their order is natural "
              "(part-2 before part-10) within a glob."});
    v("eval", eval, {.doc = "Evaluation files, likewise. Empty: see eval_fraction."});
    v("eval_fraction", eval_fraction,
      {.doc = "Share of the training rows kept for evaluation when `eval` is empty.",
       .min = 0,
       .max = 0.99});
    v("split", split,
      {.doc = "Which rows eval_fraction takes: time (the last rows of the file list) or random."});
    v("columns", columns, {.doc = "A preset, or the list of columns."});
    v("csv", csv, {.doc = "Dialect of format csv."});
    v("synthetic", synthetic, {.doc = "Rows and hidden model of format synthetic."});
    v("shuffle", shuffle, {.doc = "false: training rows in file order."});
    v("block_bytes", block_bytes,
      {.doc = "Files are cut at line ends into blocks of about this size; blocks are permuted.",
       .min = 4096,
       .max = 1 << 28});
    v("window_blocks", window_blocks,
      {.doc = "Rows are shuffled within this many blocks. Memory: twice window_blocks * "
              "block_bytes.",
       .min = 1,
       .max = 65536});
    v("prefetch", prefetch,
      {.doc = "Batches made ahead by a background thread; 0: made when asked for.",
       .min = 0,
       .max = 1024,
       .on_resume = OnResume::kFree});
    v("threads", threads,
      {.doc = "Threads that parse. One does 4 million Criteo rows a second; the rows are the same "
              "for any number.",
       .min = 1,
       .max = 256,
       .on_resume = OnResume::kFree});
    v("max_bad_ratio", max_bad_ratio,
      {.doc = "Bad rows are reported, skipped and counted while an epoch has at most this share of "
              "them; one more ends the run with exit 65.",
       .min = 0,
       .max = 1,
       .on_resume = OnResume::kFree});
    v("max_expansion", max_expansion,
      {.doc = "A compressed file whose text grows beyond this many times its size, and beyond "
              "16 MiB, is refused (exit 65). Criteo's files expand 3 to 4 times.",
       .min = 1,
       .max = 1e6,
       .on_resume = OnResume::kFree});
    v("negative_sampling", negative_sampling,
      {.doc = "Share of the negative training rows kept, drawn by row number; each carries weight "
              "1 / share, so probabilities stay calibrated.",
       .min = 0,
       .max = 1,
       .above_min = true});
    v("hash_seed", hash_seed, {.doc = "Seed of the hash that turns text into ids."});
  }
};

}  // namespace strata::data
