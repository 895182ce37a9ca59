#pragma once

#include <cstdint>
#include <span>

namespace strata::kernels {

/// Where the gradients of one lookup's occurrences are. Occurrences [begin, end) of the table
/// belong to it; with j counted from begin, the gradient of occurrence j is row sample[j] of `rows`
/// (row j where it is per occurrence), times factors[j].
struct OccurrenceGradients {
  int64_t begin = 0;
  int64_t end = 0;
  const float* rows = nullptr;      // [B or N, D]
  int64_t stride = 0;               // floats from one row to the next
  const int32_t* sample = nullptr;  // [end - begin], or null: occurrence j is sample j
  const float* factors = nullptr;   // [end - begin], or null: all ones
  bool per_occurrence = false;      // rows [N, D] instead of [B, D]: lookups without pooling
};

/// The reduction for unique keys [u_begin, u_end) of one table.
struct ReduceRows {
  const int32_t* begin = nullptr;                // [U + 1] into occurrences (dedup.h)
  const int32_t* occurrences = nullptr;          // [N], of each key by chunk, then in a fixed order
  std::span<const OccurrenceGradients> lookups;  // ascending, covering [0, N)
  std::span<const int64_t> chunk_begin;          // [chunks + 1] samples; chunks <= kMaxLeaves
  int dim = 0;                                   // D
  int64_t u_begin = 0;
  int64_t u_end = 0;
  float* gradients = nullptr;  // [U, D]; rows u_begin … u_end are written
};

/// Gradient of each unique key: the sum over its occurrences of factor * gradient, per chunk in the
/// order of `occurrences`, then over chunks in the pairwise tree ((0,1),(2,3)),…, absent chunks
/// skipped. Any split of the keys over threads gives the same bits. Moves about 4 * D * (N + U)
/// bytes. Source of the order: the determinism law of ARCHITECTURE.md.
void reduce_rows(const ReduceRows& args);

/// The reduction for all unique keys of a table of width 1 that one lookup reads, with one id in
/// every bag and no factors: occurrence b is sample b. Needs no list of occurrences.
struct ReduceScalars {
  const int32_t* inverse = nullptr;      // [B] sample -> key
  const float* rows = nullptr;           // gradient of sample b at rows[b * stride]
  int64_t stride = 0;                    // floats
  std::span<const int64_t> chunk_begin;  // [chunks + 1] samples; chunks <= kMaxScalarChunks
  int64_t unique = 0;                    // U
  float* workspace = nullptr;            // [(chunks - 1) * U]
  float* gradients = nullptr;            // [U]
};
inline constexpr int64_t kMaxScalarChunks = 16;

/// The bits of reduce_rows: each sample's gradient is added to its key in the sums of its chunk,
/// then the sums of the chunks are added in the pairwise tree. Sums start from -0, which leaves
/// every number as it is, so that a chunk without the key counts as absent.
void reduce_scalars(const ReduceScalars& args);

}  // namespace strata::kernels
