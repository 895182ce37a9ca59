#pragma once

#include <cstdint>
#include <span>

#include "base/scratch.h"

namespace strata::kernels {

/// out[i] <- mix64(ids[i] ^ salt): the keys of a table. Thread-safe.
void mix_keys(std::span<const uint64_t> ids, uint64_t salt, uint64_t* out);

/// Distinct keys of a batch, and where they occur. U unique keys, N occurrences.
struct UniqueKeys {
  Scratch<uint64_t> unique;      // [U] ascending
  Scratch<int32_t> inverse;      // [N] occurrence -> index of its key in unique
  Scratch<int32_t> begin;        // [U + 1] key u occurs at occurrences[begin[u] … begin[u + 1])
  Scratch<int32_t> occurrences;  // [N] occurrence numbers, in list_occurrences' order within a key
  Scratch<uint32_t> table;       // workspace: hash slots, then ranks
  Scratch<uint64_t> workspace;   // workspace: keys in order of appearance
};

/// keys [N] u64 -> out.unique [U] ascending and out.inverse [N], unique[inverse[i]] == keys[i].
/// Keys should be mixed (uniform in 64 bits): buckets follow the key's order, which makes sorting
/// nearly free. Any keys give the right answer; N < 2^31. Deterministic, serial, O(N) for mixed
/// keys, O(N log N) otherwise. Several threads may work on different `out`.
void dedup(std::span<const uint64_t> keys, UniqueKeys& out);

/// A half-open range of occurrence numbers.
struct OccurrenceRange {
  int64_t begin = 0;
  int64_t end = 0;
};

/// Fills out.begin and out.occurrences from out.inverse: for each key its occurrences in the order
/// in which `order` visits them. The ranges are disjoint and cover [0, N).
void list_occurrences(std::span<const OccurrenceRange> order, UniqueKeys& out);

}  // namespace strata::kernels
