#pragma once
// The buckets of a DramTable and the walks over them; an implementation detail of dram_table.cc.

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace strata::storage {

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
  void append(uint64_t h, uint32_t slot) {
    keys[count()] = h;
    slots[count()] = slot;
    ++meta;
  }
};
static_assert(sizeof(Bucket) == 64);

/// Buckets of one shard, or of all of them. Homes come first; the padding behind them takes what
/// passes the last home, so walks never wrap and bucket order follows h.
struct Run {
  Bucket* buckets = nullptr;
  uint64_t homes = 0;

  /// `position` is h without its shard bits, moved to the top.
  Bucket* home(uint64_t position) const {
    return buckets +
           static_cast<uint64_t>((static_cast<unsigned __int128>(position) * homes) >> 64);
  }
};

/// Where a key is; bucket is null when it is absent.
struct Place {
  Bucket* bucket = nullptr;
  uint32_t index = 0;
};

inline Place find_key(Bucket* bucket, uint64_t h) {
  for (;; ++bucket) {
    const uint32_t index = bucket->match(h);
    if (index < Bucket::kKeys) return {bucket, index};
    if (bucket->passed() == 0) return {};
  }
}

/// Puts an absent key at or after its home; false when every bucket before `end` is full.
inline bool insert_key(Bucket* home, const Bucket* end, uint64_t h, uint32_t slot) {
  Bucket* bucket = home;
  while (bucket != end && bucket->full()) ++bucket;
  if (bucket == end) return false;
  for (Bucket* b = home; b != bucket; ++b) b->meta += Bucket::kOnePassed;
  bucket->append(h, slot);
  return true;
}

/// Removes the key at `place`, whose home is `home`.
inline void erase_key(Bucket* home, Place place) {
  Bucket& bucket = *place.bucket;
  const uint32_t last = bucket.count() - 1;
  bucket.keys[place.index] = bucket.keys[last];
  bucket.slots[place.index] = bucket.slots[last];
  --bucket.meta;
  for (Bucket* b = home; b != place.bucket; ++b) b->meta -= Bucket::kOnePassed;
}

}  // namespace strata::storage
