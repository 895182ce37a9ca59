#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "kernels/rows.h"

namespace strata::kernels {

/// The weights of some rows of a table.
struct ReadRows {
  RowsRef rows;
  DType dtype = DType::kF32;
  int dim = 0;                     // D
  std::span<const int64_t> slots;  // [U]; negative: no row
  const float* absent = nullptr;   // [D] read where there is no row; needed if a slot is negative
  float* out = nullptr;            // [U, D] row-major
};

/// Gathers and widens the weights of rows, so that pooling meets each of them once, in little
/// memory. Thread-safe while nobody writes the rows. Moves about U * (weight_bytes + 4 * D) bytes,
/// whole cache lines of rows; rows are prefetched ahead.
void read_rows(const ReadRows& args);

/// One lookup of a batch: which rows go into which sample's bag.
struct PoolRows {
  const float* weights = nullptr;        // [U, D] as read_rows gives them
  int dim = 0;                           // D
  const int32_t* inverse = nullptr;      // [N] occurrence -> row of weights, in [0, U)
  const int32_t* bag_offsets = nullptr;  // [B + 1] into inverse; null: occurrence b is sample b
  const float* factors = nullptr;        // [N], or null: all ones
  int64_t begin = 0;                     // samples [begin, end) are pooled
  int64_t end = 0;
  float* out = nullptr;  // [end - begin, D], row 0 is sample `begin`
  int64_t stride = 0;    // floats from one row of out to the next
};

/// Pools rows per sample: out[b] = sum over its bag of factor * weights, in the order of
/// occurrences; an empty bag is zeros. mean and sqrtn are sums with pooling_factors.
/// Thread-safe. Deterministic. Moves about 4 * (D + 1) * N + 4 * D * B bytes, mostly within the
/// cache; rows are prefetched ahead.
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
