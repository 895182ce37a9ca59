#include "data/encoder.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "base/check.h"
#include "data/transforms.h"

namespace strata::data {
namespace {

constexpr int kTabled = 4096;  // small counts dominate; 16 and 32 KiB

/// Whether x is a whole number whose transforms are in the tables.
inline bool is_tabled(double x) {
  return x >= 0 && x < kTabled && static_cast<double>(static_cast<int>(x)) == x;
}

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
  for (int i = 0; i < kTabled; ++i) logarithms_.push_back(log_transform(i));
  for (int i = 0; i < kTabled; ++i) log_squared_.push_back(log_squared_bucket(i));
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

void Encoder::encode_dense(int index, const double* raw, RowBlock& out) const {
  const DenseFeature& feature = schema_.dense[static_cast<size_t>(index)];
  const int64_t width = std::ssize(schema_.dense);
  float* to = out.dense.data() + index;
  const float* const logarithms = logarithms_.data();
  const bool logarithmic = feature.transform == Transform::kLog && feature.clip.empty();
  for (int64_t i = 0; i < out.rows; ++i, to += width) {
    double x = raw[i];
    if (logarithmic && is_tabled(x)) {
      *to = logarithms[static_cast<int>(x)];
      continue;
    }
    x = settle_number(x, feature.clip, feature.missing);
    if (std::isnan(x)) {
      *to = 0;
    } else if (feature.transform == Transform::kLog) {
      *to = log_transform(x);
    } else if (feature.transform == Transform::kStandardised) {
      *to = to_finite_float((x - feature.mean) / feature.deviation);
    } else {
      *to = to_finite_float(x);
    }
  }
}

void Encoder::encode_buckets(const SparseFeature& feature, const double* raw, int64_t rows,
                             uint64_t* out) const {
  const uint64_t* const log_squared = log_squared_.data();
  const bool tabled = feature.transform == Transform::kLogSquared && feature.clip.empty();
  for (int64_t i = 0; i < rows; ++i) {
    if (tabled && is_tabled(raw[i])) {
      out[i] = log_squared[static_cast<int>(raw[i])];
      continue;
    }
    const double x = settle_number(raw[i], feature.clip, feature.missing);
    if (std::isnan(x)) {
      out[i] = missing_id_;
    } else if (feature.transform == Transform::kLogSquared) {
      out[i] = log_squared_bucket(x);
    } else {
      out[i] = bucket_of(x, feature.boundaries);
    }
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
