#include "kernels/hash_buckets.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include <algorithm>

#include "base/check.h"

namespace strata::kernels {
namespace {

// Buckets come from memory in two steps: far ahead into the second-level cache, which has room for
// more misses, then into the first.
constexpr size_t kFarAhead = 48;
constexpr size_t kNearAhead = 12;
constexpr size_t kRing = 64;
static_assert(kFarAhead < kRing);

/// The walks of one call: home buckets of the next keys, on their way into the cache.
class Walks {
 public:
  STRATA_ALWAYS_INLINE Walks(const BucketRuns& table, std::span<const uint64_t> hashes)
      : table_(table), hashes_(hashes.data()), count_(hashes.size()) {
    for (size_t i = 0; i < std::min(count_, kFarAhead); ++i) start(i);
  }
  /// The home of key i; starts the walk of key i + kFarAhead.
  STRATA_ALWAYS_INLINE const Bucket* home(size_t i) {
    const Bucket* home = ring_[i % kRing];
    if (i + kFarAhead < count_) start(i + kFarAhead);
    if (i + kNearAhead < count_) __builtin_prefetch(ring_[(i + kNearAhead) % kRing]);
    return home;
  }

 private:
  STRATA_ALWAYS_INLINE void start(size_t i) {
    const Bucket* home = table_.home_of(hashes_[i]);
    __builtin_prefetch(home, 0, 2);
    ring_[i % kRing] = home;
  }
  const BucketRuns table_;
  const uint64_t* const hashes_;
  const size_t count_;
  const Bucket* ring_[kRing];
};

#if defined(__x86_64__)
__attribute__((target(STRATA_TARGET_AVX512))) void find_slots_avx512(
    const BucketRuns& table, std::span<const uint64_t> hashes, int64_t absent, int64_t* slots) {
  Walks walks(table, hashes);
  for (size_t i = 0; i < hashes.size(); ++i) {
    const __m512i h = _mm512_set1_epi64(static_cast<int64_t>(hashes.data()[i]));
    const Bucket* bucket = walks.home(i);
    for (;; ++bucket) {
      const uint32_t meta = bucket->meta;
      const uint32_t equal = _mm512_cmpeq_epi64_mask(_mm512_load_si512(bucket), h);
      const uint32_t found = _bzhi_u32(equal, meta & Bucket::kCountMask);
      if (found != 0) {
        slots[i] = bucket->slots[_tzcnt_u32(found)];
        break;
      }
      if (meta < Bucket::kOnePassed) {
        slots[i] = absent;
        break;
      }
    }
  }
}
#endif

}  // namespace

void find_slots_portable(const BucketRuns& table, std::span<const uint64_t> hashes, int64_t absent,
                         std::span<int64_t> slots) {
  STRATA_CHECK(hashes.size() == slots.size(), "spans", hashes.size(), slots.size());
  Walks walks(table, hashes);
  for (size_t i = 0; i < hashes.size(); ++i) {
    const uint64_t h = hashes.data()[i];
    const Bucket* bucket = walks.home(i);
    uint32_t index = bucket->match(h);
    while (index == Bucket::kKeys && bucket->passed() > 0) index = (++bucket)->match(h);
    slots.data()[i] = index < Bucket::kKeys ? int64_t{bucket->slots[index]} : absent;
  }
}

void find_slots(const BucketRuns& table, std::span<const uint64_t> hashes, int64_t absent,
                std::span<int64_t> slots) {
#if defined(__x86_64__)
  if (isa::level() == isa::Level::kAvx512) {
    STRATA_CHECK(hashes.size() == slots.size(), "spans", hashes.size(), slots.size());
    return find_slots_avx512(table, hashes, absent, slots.data());
  }
#endif
  find_slots_portable(table, hashes, absent, slots);
}

}  // namespace strata::kernels
