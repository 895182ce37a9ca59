#pragma once
// Where a hash table keeps its keys, as the kernels walk it. Trivial types; storage owns the
// memory.

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/isa.h"

namespace strata::kernels {

/// One cache line: up to five keys and their slots. A key lies in its home bucket or, when that was
/// full, in the nearest later bucket that was not.
/// Invariant: `passed` counts the keys stored in later buckets whose home is this bucket or an
/// earlier one. A walk for a key ends at the first bucket with passed == 0.
struct alignas(64) Bucket {
  static constexpr int kKeys = 5;
  static constexpr uint32_t kCountMask = 7;
  static constexpr uint32_t kOnePassed = 8;

  uint64_t keys[kKeys];
  uint32_t slots[kKeys];
  uint32_t meta;  // count in the low three bits, passed above

  uint32_t count() const { return meta & kCountMask; }
  uint32_t passed() const { return meta / kOnePassed; }
  bool full() const { return count() == kKeys; }

  /// Index of h, or kKeys. Entries beyond count may hold anything.
  uint32_t match(uint64_t h) const {
    uint32_t found = kKeys;
    for (uint32_t i = kKeys; i-- > 0;) found = keys[i] == h ? i : found;
    return found < count() ? found : kKeys;
  }
};
static_assert(sizeof(Bucket) == 64);

/// The buckets of a range of h. Homes come first; the padding behind them takes what passes the
/// last home, so walks never wrap and bucket order follows h.
struct BucketRun {
  Bucket* buckets = nullptr;
  uint64_t homes = 0;

  /// `position` is h without the bits that chose the run, moved to the top.
  STRATA_ALWAYS_INLINE Bucket* home(uint64_t position) const {
    return buckets +
           static_cast<uint64_t>((static_cast<unsigned __int128>(position) * homes) >> 64);
  }
};

/// All runs of a table: 2^run_bits, each for a range of h. Borrowed; valid until the table grows.
struct BucketRuns {
  const BucketRun* runs = nullptr;
  int run_bits = 0;  // 0 … 16

  STRATA_ALWAYS_INLINE Bucket* home_of(uint64_t h) const {
    return runs[(h >> 1) >> (63 - run_bits)].home(h << run_bits);
  }
};

/// slots[i] <- slot of the key hashes[i], `absent` where there is none. Parallel spans; any order,
/// repetitions allowed. Thread-safe while nobody writes the buckets.
/// One cache line a key, fetched many keys early; with AVX-512 five keys are compared at once.
void find_slots(const BucketRuns& table, std::span<const uint64_t> hashes, int64_t absent,
                std::span<int64_t> slots);
/// The same without AVX-512: what other CPUs run.
void find_slots_portable(const BucketRuns& table, std::span<const uint64_t> hashes, int64_t absent,
                         std::span<int64_t> slots);

}  // namespace strata::kernels
