#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/buffer.h"

namespace strata {

/// Where a batch stands in the sample order: one number pair for any number of workers.
struct BatchPosition {
  int64_t epoch = 0;  // from 0
  int64_t batch = 0;  // from 0 within the epoch
  bool operator==(const BatchPosition&) const = default;
};

/// One mini-batch as it leaves data/: raw ids, no meaning yet.
/// B samples, I dense features, F sparse features, L labels, N id occurrences.
///
/// Invariants: offsets has F*B + 1 entries, nondecreasing, offsets[0] == 0, offsets[F*B] == N;
/// feature f of sample b owns ids[offsets[f*B + b] … offsets[f*B + b + 1]).
/// chunk_begin has chunks + 1 entries, nondecreasing, from 0 to B: the slices of the determinism
/// law. Slices are cut by position in the file order, so a dropped bad row shortens its own slice.
/// Buffers are reused between batches; vectors that a run does not use stay empty.
struct Batch {
  BatchPosition position;
  int64_t size = 0;                     // B
  AlignedVector<float> dense;           // [B, I] row-major, already transformed, finite
  std::vector<uint64_t> ids;            // [N] feature-major
  std::vector<int64_t> offsets;         // [F*B + 1]
  std::vector<float> id_weights;        // [N] or empty (all ones)
  std::vector<float> labels;            // [B, L]; L = 1 for CTR
  std::vector<float> sample_weights;    // [B] or empty (all ones)
  std::vector<uint64_t> groups;         // [B] or empty; for AUC per group
  std::vector<int64_t> times;           // [B] or empty; seconds
  std::vector<std::string> sample_ids;  // [B] or empty; passed through to predictions
  std::vector<int64_t> chunk_begin;     // [chunks + 1]
};

}  // namespace strata
