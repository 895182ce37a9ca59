#include "train/cache_forecast.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "embedding/collection.h"
#include "embedding/tiers.h"
#include "storage/dram_table.h"

namespace strata::train {
namespace {

constexpr double kStepOfTime = 1.05;  // the division of a budget is followed in such steps
constexpr double kKept = 0.75;        // of the rows looked at, when some are evicted

/// Time in batches; `d` is the number of distinct keys asked for within it.
class Clock {
 public:
  explicit Clock(const CachedTable& table) : table_(table) {}
  double distinct(double batches) const {
    return table_.growth->distinct(batches * table_.keys_per_batch);
  }
  double until(double distinct) const {
    return table_.growth->occurrences(distinct) / table_.keys_per_batch;
  }
  /// Of distinct() between two moments.
  double mean(double from, double to) const {
    constexpr int kParts = 8;
    double sum = 0;
    for (int i = 0; i < kParts; ++i) sum += distinct(from + (to - from) * (i + 0.5) / kParts);
    return sum / kParts;
  }
  /// Keys that a batch asks for and that those of the `batches` before it did not.
  double fresh(double batches) const { return distinct(batches + 1) - distinct(batches); }

 private:
  const CachedTable& table_;
};

/// Misses of a batch in a full table of `rows` rows.
double misses_of_batch(const Clock& clock, double rows) {
  if (rows < storage::DramTable::kOneRunRows) return clock.fresh(clock.until(rows));
  double low = rows;  // distinct keys within the longest stay
  double high = rows / kKept;
  for (int i = 0; i < 30; ++i) {
    const double middle = (low + high) / 2;
    const double to = clock.until(middle);
    const bool more = !std::isfinite(to) || clock.mean(clock.until(kKept * middle), to) > rows;
    (more ? high : low) = middle;
  }
  const double from = clock.until(kKept * low);
  const double to = clock.until(low);
  if (to - from < 1) return clock.fresh(to);
  return (clock.distinct(to + 1) - clock.distinct(from + 1)) / (to - from);
}

// Of the misses that lru has and a cache which knows how often every key has occurred has not:
// those that the policy, which knows it of the rows in DRAM, has not either. Measured from 7 to 80
// times the life of a row on (tests/train/plan_tiers_test.cc): 0.70 to 0.82 and 0.74 to 0.85.
constexpr double kLfuSaves = 0.75;
constexpr double kScoreSaves = 0.80;

/// What a table has room for in DRAM, in a run.
struct FullTable {
  double rows = 0;
  double batches = 0;
};

/// The misses of a full table by its policy, as a share of those of lru.
double policy_share(const CachedTable& table, const FullTable& in) {
  if (table.policy.eviction == storage::Eviction::kLru) return 1;
  constexpr int kMoments = 16;
  const bool score = table.policy.eviction == storage::Eviction::kScore;
  // Scores remember as many batches as weigh one half-life over ln 2, twice.
  const double memory =
      score ? 2 * static_cast<double>(table.policy.half_life) / std::numbers::ln2 : in.batches;
  const Clock clock(table);
  const double full = clock.until(in.rows);
  const double lru = clock.fresh(full) / table.keys_per_batch;
  double beside = 0;
  for (int i = 0; i < kMoments; ++i) {
    const double moment = full + (in.batches - full) * (i + 0.5) / kMoments;
    const double known = std::min(moment, std::max(full, memory));
    beside += table.growth->beside({in.rows, known * table.keys_per_batch}) / kMoments;
  }
  return 1 - (score ? kScoreSaves : kLfuSaves) * std::clamp(1 - beside / lru, 0.0, 1.0);
}

CacheForecast forecast(const CachedTable& table, const FullTable& in) {
  const auto [rows, batches] = in;
  const Clock clock(table);
  CacheForecast out{.rows = rows};
  out.asked = batches * clock.distinct(1);
  out.created = clock.distinct(batches);
  out.misses = std::min(rows, out.created);
  if (out.created <= rows * (1 + 1e-9)) return out;
  out.misses_per_batch = misses_of_batch(clock, rows) * policy_share(table, in);
  const double full = std::max(0.0, batches - clock.until(rows));
  out.evicted = full * out.misses_per_batch;
  out.misses = std::max(out.created, rows + out.evicted);
  return out;
}

}  // namespace

CachedTable cached_table(const KeyGrowth& growth, double keys_per_batch,
                         const embedding::TableConfig& config) {
  using embedding::Collection;
  return {.growth = &growth,
          .keys_per_batch = keys_per_batch,
          .row_bytes = Collection::planned_row_bytes(config).total(),
          .policy = {.eviction = config.tiers.eviction},
          .bytes = [config](double rows) { return Collection::planned_bytes(config, rows); }};
}

std::vector<CacheForecast> forecast_caches(std::span<const CachedTable> tables,
                                           const CacheRun& run) {
  std::vector<double> rows(tables.size());
  std::vector<double> bytes(tables.size());
  double used = 0;
  const auto grow = [&](double time) {
    for (size_t t = 0; t < tables.size(); ++t) {
      const double limit =
          embedding::Tiers::usable_bytes(run.budget_bytes, tables.size(), bytes[t]);
      const double room = std::max(0.0, limit - used) / tables[t].row_bytes;
      rows[t] += std::clamp(Clock(tables[t]).distinct(time) - rows[t], 0.0, room);
      used -= bytes[t];
      bytes[t] = tables[t].bytes(rows[t]);
      used += bytes[t];
    }
  };
  double time = 1;
  for (; time < run.batches; time = std::max(time + 1, time * kStepOfTime)) grow(time);
  grow(run.batches);
  std::vector<CacheForecast> out;
  for (size_t t = 0; t < tables.size(); ++t)
    out.push_back(forecast(tables[t], {rows[t], run.batches}));
  return out;
}

}  // namespace strata::train
