#include "data/encoder.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "base/check.h"
#include "data/transforms.h"

namespace strata::data {
namespace {

constexpr uint32_t kTabled =
    65536;  // most counts; 256 and 64 KiB, of which the small ones are used

/// A number as an index into the tables, kTabled where it is none. Integers throughout: whether a
/// number is missing is as random as the data, and comparisons of numbers would become branches.
inline uint32_t table_index(double x) {
  constexpr double kShift = 0x1.8p52;  // puts the whole part into the low bits
  const double shifted = x + kShift;
  const uint64_t whole = std::bit_cast<uint64_t>(shifted) - std::bit_cast<uint64_t>(kShift);
  const uint64_t rest = std::bit_cast<uint64_t>(shifted - kShift) ^ std::bit_cast<uint64_t>(x);
  const uint64_t outside = rest | (whole / kTabled);  // NaN lies far above the table
  return outside == 0 ? static_cast<uint32_t>(whole) : kTabled;
}

inline bool is_nan(double x) { return std::bit_cast<uint64_t>(x) << 1 > uint64_t{0x7ff} << 53; }

float to_finite_float(double x) {
  constexpr double kMax = std::numeric_limits<float>::max();
  return static_cast<float>(std::clamp(x, -kMax, kMax));
}

void apply_key_rule(const SparseFeature& feature, std::span<uint64_t> ids) {
  if (feature.keys == KeyRule::kHashed) {
    for (uint64_t& id : ids) id = mix64(id) % feature.buckets;
  } else if (feature.keys == KeyRule::kModulo) {
    for (uint64_t& id : ids) id %= feature.buckets;
  }
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
  logarithms_.push_back(0);  // missing
  log_squared_.push_back(0);
}

void Encoder::encode(const RawColumns& raw, RowBlock& out) const {
  for (size_t i = 0; i < schema_.dense.size(); ++i) {
    encode_dense(static_cast<int>(i), raw.number(layout_.dense_slot[i]), out);
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

void Encoder::encode_dense(int index, const double* raw, RowBlock& out) const {
  const DenseFeature& feature = schema_.dense[static_cast<size_t>(index)];
  const int64_t width = std::ssize(schema_.dense);
  float* to = out.dense.data() + index;
  if (feature.transform != Transform::kLog || !feature.clip.empty() || feature.missing) {
    for (int64_t i = 0; i < out.rows; ++i, to += width) *to = dense_value(feature, raw[i]);
    return;
  }
  const float* const logarithms = logarithms_.data();
  for (int64_t i = 0; i < out.rows; ++i, to += width) {
    const uint32_t index = table_index(raw[i]);
    *to = logarithms[index];
    if ((index == kTabled) & !is_nan(raw[i])) [[unlikely]]
      *to = dense_value(feature, raw[i]);
  }
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
  const uint8_t* const log_squared = log_squared_.data();
  for (int64_t i = 0; i < rows; ++i) {
    const uint32_t index = table_index(raw[i]);
    out[i] = index == kTabled ? missing_id_ : log_squared[index];
    if ((index == kTabled) & !is_nan(raw[i])) [[unlikely]]
      out[i] = bucket_value(feature, raw[i]);
  }
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
