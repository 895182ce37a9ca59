#pragma once

#include <cstddef>
#include <cstdint>

#include "kernels/rows.h"

namespace strata::kernels {

/// One lookup of a batch: which rows go into which sample's bag.
struct PoolRows {
  const std::byte* const* rows = nullptr;  // [U] first byte of each row; weights come first
  DType dtype = DType::kF32;
  int dim = 0;                           // D
  const int32_t* inverse = nullptr;      // [N] occurrence -> row, in [0, U)
  const int32_t* bag_offsets = nullptr;  // [B + 1] into inverse; null: occurrence b is sample b
  const float* factors = nullptr;        // [N], or null: all ones
  int64_t begin = 0;                     // samples [begin, end) are pooled
  int64_t end = 0;
  float* out = nullptr;  // [end - begin, D], row 0 is sample `begin`
  int64_t stride = 0;    // floats from one row of out to the next
};

/// Gathers rows and pools them per sample: out[b] = sum over its bag of factor * weights, in the
/// order of occurrences; an empty bag is zeros. mean and sqrtn are sums with pooling_factors.
/// Thread-safe; rows must not change meanwhile. Deterministic. Moves about
/// (weight_bytes + 8) * N + 4 * D * B bytes; rows are prefetched ahead.
void pool_rows(const PoolRows& args);

/// The bags of one lookup, for pooling_factors.
struct Bags {
  const int32_t* offsets = nullptr;  // [bags + 1]
  int64_t bags = 0;
  const float* weights = nullptr;  // [N] or null: all ones
};

/// What turns mean and sqrt-n pooling into a sum, per occurrence with weight w:
///   mean   w / sum of w        sqrtn   w / sqrt(sum of w^2)
/// over its bag, sums in double; 0 when the divisor is 0.
void mean_factors(const Bags& bags, float* factors);
void sqrtn_factors(const Bags& bags, float* factors);

}  // namespace strata::kernels
