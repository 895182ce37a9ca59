#pragma once

#include <array>
#include <cstdint>

#include "data/criteo_statistics.h"

namespace strata::data {

/// One generated row and what the hidden model thinks of it.
struct GeneratedRow {
  static constexpr int64_t kMissing = INT64_MIN;
  static constexpr int64_t kNoRank = -1;

  int label = 0;
  std::array<int64_t, kCriteoIntegers> integers;     // kMissing where empty
  std::array<uint32_t, kCriteoCategories> ids;       // printed as 8 hex digits
  std::array<int64_t, kCriteoCategories> ranks;      // kNoRank where empty
  std::array<uint64_t, kCriteoCategories> identity;  // hash of (column, rank, generation)
  double logit = 0;
};

/// Who an id is, as a hash: the rank-th most frequent id of a column, in its `generation`-th life.
/// `model_seed` makes one vocabulary and one hidden model.
uint64_t identity_of(uint64_t model_seed, int column, int64_t rank, int64_t generation);

}  // namespace strata::data
