#include "data/encoder.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "base/check.h"
#include "base/isa.h"
#include "data/transforms.h"

namespace strata::data {
namespace {

constexpr uint32_t kTabled = 65536;  // most counts; of the tables the small ones are used
constexpr uint8_t kNoBucket = 255;   // ends the table: a missing number
constexpr int64_t kDenseRows = 32;   // at a time: their part of the row-major numbers stays near

/// Where the numbers of a column are in the tables. kTabled: missing, or, where `complete` is
/// false, perhaps another number.
struct FindEntries {
  struct Args {
    std::span<const double> raw;
    uint32_t* entries;
    bool& complete;
  };
  /// Masks instead of choices: whether a number is missing is as random as the data, and the
  /// compiler makes branches of comparisons.
  STRATA_ALWAYS_INLINE static void run(const Args& args) {
    constexpr double kShift = 0x1.8p52;  // puts the whole part into the low bits
    const double* __restrict raw = args.raw.data();
    uint32_t* __restrict entries = args.entries;
    const auto rows = static_cast<int64_t>(args.raw.size());
    uint64_t others = 0;
    for (int64_t i = 0; i < rows; ++i) {
      const auto bits = std::bit_cast<uint64_t>(raw[i]);
      const double shifted = raw[i] + kShift;
      const uint64_t whole = std::bit_cast<uint64_t>(shifted) - std::bit_cast<uint64_t>(kShift);
      const uint64_t fraction = std::bit_cast<uint64_t>(shifted - kShift) ^ bits;
      // NaN lies far above the table
      const uint64_t outside = uint64_t{0} - ((fraction | whole / kTabled) != 0);
      const uint64_t number = uint64_t{0} - (bits << 1 <= uint64_t{0x7ff} << 53);
      entries[i] = static_cast<uint32_t>((whole & ~outside) | (kTabled & outside));
      others |= outside & number;
    }
    args.complete = others == 0;
  }
};

/// put(i, table[raw[i]]), or definition(raw[i]) where the number is no index into the table; the
/// table ends with what a missing number is.
template <class Entry, class Put, class Definition>
void look_up(const std::vector<Entry>& table, std::span<const double> raw, Put put,
             Definition definition) {
  std::array<uint32_t, kSliceRows> entries;
  bool complete = false;
  isa::dispatch<FindEntries, FindEntries::Args>({raw, entries.data(), complete});
  for (size_t i = 0; i < raw.size(); ++i) put(i, table.data()[entries.data()[i]]);
  if (complete) return;
  for (size_t i = 0; i < raw.size(); ++i) {
    if (entries.data()[i] == kTabled) put(i, definition(raw[i]));
  }
}

float to_finite_float(double x) {
  constexpr double kMax = std::numeric_limits<float>::max();
  return static_cast<float>(std::clamp(x, -kMax, kMax));
}

void apply_key_rule(const SparseFeature& feature, std::span<uint64_t> ids) {
  if (feature.keys == KeyRule::kExact) return;
  const KeyMaker key_of(feature.keys, feature.buckets);
  for (uint64_t& id : ids) id = key_of(id);
}

}  // namespace

double settle_number(double x, std::span<const double> clip, const std::optional<double>& missing) {
  if (!clip.empty() && !std::isnan(x)) x = std::clamp(x, clip[0], clip[1]);
  if (std::isfinite(x)) return x;
  return missing.value_or(std::numeric_limits<double>::quiet_NaN());
}

Encoder::Encoder(const Schema& schema, const Layout& layout)
    : schema_(schema), layout_(layout), missing_id_(schema.missing_id()) {
  STRATA_CHECK(schema.fitted, "the schema's statistics are not fitted");
  for (uint32_t i = 0; i < kTabled; ++i) logarithms_.push_back(log_transform(i));
  for (uint32_t i = 0; i < kTabled; ++i) {
    log_squared_.push_back(static_cast<uint8_t>(log_squared_bucket(i)));
  }
  logarithms_.push_back(0);
  log_squared_.push_back(kNoBucket);
}

void Encoder::encode(const RawColumns& raw, RowBlock& out) const {
  for (int64_t begin = 0; begin < out.rows; begin += kDenseRows) {
    const int64_t end = std::min(begin + kDenseRows, out.rows);
    for (size_t i = 0; i < schema_.dense.size(); ++i) {
      encode_dense(static_cast<int>(i), raw.number(layout_.dense_slot[i]), begin, end, out);
    }
  }
  out.lists.resize(layout_.lists.size());
  encode_raw_ids(raw, out);
  for (size_t f = 0; f < schema_.sparse.size(); ++f) {
    if (schema_.sparse[f].kind == SparseKind::kCrossed) cross(static_cast<int>(f), out);
  }
  const auto rows = static_cast<size_t>(out.rows);
  for (size_t f = 0; f < schema_.sparse.size(); ++f) {
    const SparseFeature& feature = schema_.sparse[f];
    if (feature.kind == SparseKind::kList) {
      apply_key_rule(feature, out.lists[static_cast<size_t>(layout_.sparse_slot[f])].ids);
    } else {
      apply_key_rule(feature, {out.id(static_cast<int>(f)), rows});
    }
  }
}

/// One number, by the definitions.
float Encoder::dense_value(const DenseFeature& feature, double x) {
  x = settle_number(x, feature.clip, feature.missing);
  if (std::isnan(x)) return 0;
  if (feature.transform == Transform::kLog) return log_transform(x);
  if (feature.transform == Transform::kStandardised) {
    return to_finite_float((x - feature.mean) / feature.deviation);
  }
  return to_finite_float(x);
}

void Encoder::encode_dense(int index, const double* raw, int64_t begin, int64_t end,
                           RowBlock& out) const {
  const DenseFeature& feature = schema_.dense[static_cast<size_t>(index)];
  const int64_t width = std::ssize(schema_.dense);
  float* to = out.dense.data() + begin * width + index;
  if (feature.transform != Transform::kLog || !feature.clip.empty() || feature.missing) {
    for (int64_t i = begin; i < end; ++i, to += width) *to = dense_value(feature, raw[i]);
    return;
  }
  look_up(
      logarithms_, {raw + begin, static_cast<size_t>(end - begin)},
      [&](size_t i, float value) { to[static_cast<int64_t>(i) * width] = value; },
      [&](double x) { return dense_value(feature, x); });
}

uint64_t Encoder::bucket_value(const SparseFeature& feature, double x) const {
  x = settle_number(x, feature.clip, feature.missing);
  if (std::isnan(x)) return missing_id_;
  if (feature.transform == Transform::kLogSquared) return log_squared_bucket(x);
  return bucket_of(x, feature.boundaries);
}

void Encoder::encode_buckets(const SparseFeature& feature, const double* raw, int64_t rows,
                             uint64_t* out) const {
  if (feature.transform != Transform::kLogSquared || !feature.clip.empty() || feature.missing) {
    for (int64_t i = 0; i < rows; ++i) out[i] = bucket_value(feature, raw[i]);
    return;
  }
  look_up(
      log_squared_, {raw, static_cast<size_t>(rows)},
      [&](size_t i, uint64_t bucket) { out[i] = bucket == kNoBucket ? missing_id_ : bucket; },
      [&](double x) { return bucket_value(feature, x); });
}

void Encoder::encode_raw_ids(const RawColumns& raw, RowBlock& out) const {
  const auto bytes = static_cast<size_t>(out.rows) * sizeof(uint64_t);
  for (size_t f = 0; f < schema_.sparse.size(); ++f) {
    const SparseFeature& feature = schema_.sparse[f];
    const int slot = layout_.sparse_slot[f];
    uint64_t* const to = out.id(static_cast<int>(f));
    switch (feature.kind) {
      case SparseKind::kCategory:
        std::memcpy(to, raw.id(slot), bytes);
        break;
      case SparseKind::kBuckets:
        encode_buckets(feature, raw.number(slot), out.rows, to);
        break;
      case SparseKind::kList:
        out.lists[static_cast<size_t>(slot)] = raw.lists[static_cast<size_t>(slot)];
        break;
      case SparseKind::kCrossed:
        break;
    }
  }
}

void Encoder::cross(int index, RowBlock& out) const {
  uint64_t* const to = out.id(index);
  std::fill(to, to + out.rows, kCrossSeed);
  for (const int parent : schema_.sparse[static_cast<size_t>(index)].of) {
    const uint64_t* const from = out.id(parent);
    for (int64_t i = 0; i < out.rows; ++i) to[i] = cross_ids(to[i], from[i]);
  }
}

}  // namespace strata::data
