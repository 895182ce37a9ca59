#pragma once
// Changes to the buckets of a DramTable, one key at a time; an implementation detail of
// dram_table.cc.

#include <cstdint>

#include "kernels/hash_buckets.h"

namespace strata::storage {

using kernels::Bucket;

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
  const uint32_t at = bucket->count();
  bucket->keys[at] = h;
  bucket->slots[at] = slot;
  ++bucket->meta;
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
