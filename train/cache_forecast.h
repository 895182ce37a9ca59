#pragma once

#include <functional>
#include <span>
#include <vector>

#include "embedding/table_config.h"
#include "train/key_growth.h"

namespace strata::train {

/// A table whose rows lie in DRAM over an SSD.
struct CachedTable {
  const KeyGrowth* growth = nullptr;
  double keys_per_batch = 0;                   // occurrences; more than one of a key count
  double row_bytes = 0;                        // of DRAM, with what a row costs beside itself
  storage::TieredTableConfig policy{};         // eviction, half_life
  std::function<double(double rows)> bytes{};  // of DRAM, of the table with so many rows there
};

CachedTable cached_table(const KeyGrowth& growth, double keys_per_batch,
                         const embedding::TableConfig& config);

/// What the DRAM tier of a table will meet, in distinct keys of batches.
struct CacheForecast {
  double rows = 0;              // in DRAM at the end
  double asked = 0;             // over all batches
  double misses = 0;            // of these not in DRAM, unless they are fetched ahead
  double created = 0;           // of these new, so that no tier has them
  double misses_per_batch = 0;  // once DRAM is full; 0 where it does not fill
  double evicted = 0;           // rows that leave DRAM
};

/// What tables share, and for how long.
struct CacheRun {
  double budget_bytes = 0;
  double batches = 0;
};

/// How tables that share a budget divide it and what they miss.
/// Rows come as batches ask for them, until the budget is full; from then on each table keeps what
/// it has (embedding/tiers.h).
///
/// A table that is full misses what the batches have not asked for within some time W, the time
/// that a row stays: U batches of `growth`. Where all rows are looked at for one that is evicted,
/// as in a small table, W is the time in which as many keys are asked for as rows fit (Che et al.
/// 2002). In a large one the oldest fourth of a part goes, so that W lies between a and b: three
/// fourths of what b batches ask for is what a batches ask for, and between the two the table has
/// its rows on average.
/// lfu and score keep what is frequent, but count afresh when a row comes back: they miss less, by
/// most of the difference to a cache that has counted all along (cache_forecast.cc).
std::vector<CacheForecast> forecast_caches(std::span<const CachedTable> tables,
                                           const CacheRun& run);

}  // namespace strata::train
