#pragma once

#include <vector>

#include "data/layout.h"
#include "data/row_block.h"
#include "data/schema.h"

namespace strata::data {

/// Raw columns to features: transforms, buckets, crosses, key rules. Formulas: data/transforms.h.
/// Stateless after construction; const calls may run on any thread.
class Encoder {
 public:
  /// `schema` is fitted; it and `layout` outlive the encoder.
  Encoder(const Schema& schema, const Layout& layout);

  /// Fills dense, ids and lists of the `out.rows` samples whose raw columns are given.
  void encode(const RawColumns& raw, RowBlock& out) const;

 private:
  static float dense_value(const DenseFeature& feature, double x);
  uint64_t bucket_value(const SparseFeature& feature, double x) const;
  void encode_dense(int feature, const double* raw, int64_t begin, int64_t end,
                    RowBlock& out) const;
  void encode_buckets(const SparseFeature& feature, const double* raw, int64_t rows,
                      uint64_t* out) const;
  void encode_raw_ids(const RawColumns& raw, RowBlock& out) const;
  void cross(int feature, RowBlock& out) const;

  const Schema& schema_;
  const Layout& layout_;
  uint64_t missing_id_;
  std::vector<float> logarithms_;     // log_transform of 0, 1, 2, …
  std::vector<uint8_t> log_squared_;  // log_squared_bucket of 0, 1, 2, …
};

/// Value after clipping and the rule for missing numbers; NaN: missing for good.
double settle_number(double x, std::span<const double> clip, const std::optional<double>& missing);

}  // namespace strata::data
