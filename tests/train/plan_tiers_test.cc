// What the planner says of tables over an SSD, against tables that run.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <vector>

#include "base/hash.h"
#include "embedding/collection.h"
#include "tests/sanitized.h"
#include "tests/temporary_folder.h"
#include "train/cache_forecast.h"
#include "train/plan.h"

namespace strata::train {
namespace {

/// A table whose keys are drawn by rank: p(rank) ~ (rank + 1)^-skew.
struct Table {
  int dim = 16;
  uint64_t keys = 0;
  double skew = 0;
  int64_t per_sample = 1;
};

struct Workload {
  std::string name;
  std::vector<Table> tables;
  int64_t budget = 0;
  int64_t samples = 512;
  int64_t batches = 0;
  storage::Eviction eviction = storage::Eviction::kLru;
};

class KeySource {
 public:
  explicit KeySource(const Table& table, uint64_t seed) : table_(table), rng_{mix64(seed)} {
    double sum = 0;
    for (uint64_t rank = 0; rank < table.keys; ++rank) {
      sum += std::pow(static_cast<double>(rank) + 1, -table.skew);
      sums_.push_back(sum);
    }
  }
  uint64_t draw() {
    const double u = static_cast<double>(rng_.bits(next_++) >> 11) * 0x1p-53 * sums_.back();
    return static_cast<uint64_t>(std::ranges::lower_bound(sums_, u) - sums_.begin());
  }

 private:
  Table table_;
  CounterRng rng_;
  uint64_t next_ = 0;
  std::vector<double> sums_;
};

/// The ids of every batch, feature by feature.
Batch make_batch(const Workload& work, std::vector<KeySource>& sources) {
  Batch batch;
  batch.size = work.samples;
  batch.offsets.push_back(0);
  for (size_t t = 0; t < work.tables.size(); ++t) {
    for (int64_t b = 0; b < work.samples; ++b) {
      for (int64_t k = 0; k < work.tables[t].per_sample; ++k) {
        batch.ids.push_back(sources[t].draw());
      }
      batch.offsets.push_back(std::ssize(batch.ids));
    }
  }
  batch.chunk_begin = {0, work.samples};
  return batch;
}

std::vector<embedding::TableConfig> table_configs(const Workload& work, const std::string& path) {
  std::vector<embedding::TableConfig> out;
  for (const Table& table : work.tables) {
    embedding::TableConfig& config = out.emplace_back();
    config.name = "t" + std::to_string(out.size());
    config.dim = table.dim;
    config.tiers.dram = Bytes{work.budget};
    config.tiers.eviction = work.eviction;
    config.tiers.ssd =
        embedding::SsdTierConfig{.path = path, .memory = {64 << 20}, .direct_io = false};
  }
  return out;
}

struct Measured {
  std::vector<embedding::TableUsage> tables;
  std::vector<KeyHistogram> histograms;
};

/// Trains nothing into the tables, batch by batch.
Measured run(const Workload& work) {
  const TemporaryFolder folder;
  ThreadPool pool(2);
  std::vector<embedding::Lookup> lookups;
  int64_t width = 0;
  const auto configs = table_configs(work, folder.path() + "/ssd");
  for (const auto& config : configs) {
    lookups.push_back(
        {.feature = static_cast<int>(lookups.size()), .table = config.name, .out_column = width});
    width += config.dim;
  }
  embedding::Collection tables(configs, lookups, 7);
  std::vector<KeySource> sources;
  for (const Table& table : work.tables) sources.emplace_back(table, sources.size() + 1);
  std::vector<KeyCounter> counters(work.tables.size());
  const std::vector<float> gradient(work.samples * width);
  embedding::KeyedBatch keys;
  for (uint32_t step = 1; step <= work.batches; ++step) {
    const Batch batch = make_batch(work, sources);
    for (size_t i = 0; i < batch.ids.size(); ++i) {
      const auto place = std::ranges::upper_bound(batch.offsets, static_cast<int64_t>(i)) - 1;
      counters[(place - batch.offsets.begin()) / work.samples].add(batch.ids[i]);
    }
    tables.prepare(batch, keys, pool);
    tables.look_up(keys, embedding::LookUpMode::kTrain, step, pool);
    tables.reduce_gradients(keys, gradient.data(), width, batch.chunk_begin, pool);
    tables.apply(keys, step, 1, pool);
  }
  Measured out;
  for (int t = 0; t < tables.tables(); ++t) {
    out.tables.push_back(tables.usage(t));
    out.histograms.push_back(counters[t].finish());
  }
  return out;
}

/// The plan of the same run.
std::vector<CacheForecast> forecast(const Workload& work, const std::vector<KeyHistogram>& of,
                                    const std::vector<embedding::TableConfig>& configs) {
  std::vector<KeyGrowth> growths;
  for (const KeyHistogram& histogram : of) growths.emplace_back(histogram, histogram.occurrences());
  std::vector<CachedTable> tables;
  for (size_t t = 0; t < growths.size(); ++t) {
    tables.push_back(cached_table(
        growths[t], static_cast<double>(work.samples * work.tables[t].per_sample), configs[t]));
  }
  return forecast_caches(tables, {.budget_bytes = static_cast<double>(work.budget),
                                  .batches = static_cast<double>(work.batches)});
}

constexpr double kMisses = 0.04;
constexpr double kBytes = 0.05;

/// What was planned and measured of several tables.
struct Sum {
  double planned = 0, measured = 0, last = 0;
  void add(double plan, double run) {
    planned += plan;
    measured += run;
    last = plan / run;
  }
  double ratio() const { return planned / measured; }
};

/// Holds a plan to its run, table by table and pooled. What was measured is 2.2 % at most for
/// misses (lru; 2.1 % for the others) and 4.7 % for bytes, in a table that is 4 % above its budget.
void check(Workload work) {
  SCOPED_TRACE(work.name);
  if (kSanitized) work.batches = 10;
  const Measured measured = run(work);
  const auto configs = table_configs(work, "");
  const auto planned = forecast(work, measured.histograms, configs);
  if (kSanitized) return;
  Sum misses;
  Sum asked;
  Sum bytes;
  for (size_t t = 0; t < planned.size(); ++t) {
    SCOPED_TRACE(configs[t].name);
    const embedding::TableUsage& table = measured.tables[t];
    const auto keys = static_cast<double>(table.counts.hits + table.counts.misses);
    misses.add(planned[t].misses, static_cast<double>(table.counts.misses));
    asked.add(planned[t].asked, keys);
    bytes.add(embedding::Collection::planned_bytes(configs[t], planned[t].rows),
              static_cast<double>(table.bytes()));
    EXPECT_NEAR(misses.last / asked.last, 1, kMisses);
    EXPECT_NEAR(bytes.last, 1, kBytes);
  }
  EXPECT_NEAR(misses.ratio() / asked.ratio(), 1, kMisses);
  EXPECT_NEAR(bytes.ratio(), 1, kBytes);
}

TEST(PlanTiers, MissesOfOneTableAreThoseOfTheRun) {
  check({.name = "uniform, 8",
         .tables = {{.dim = 8, .keys = 40'000}},
         .budget = 1 << 20,
         .batches = 400});
  check({.name = "uniform, 64",
         .tables = {{.dim = 64, .keys = 40'000}},
         .budget = 4 << 20,
         .batches = 300});
  check({.name = "zipf 0.8, 16",
         .tables = {{.dim = 16, .keys = 100'000, .skew = 0.8}},
         .budget = 1 << 20,
         .batches = 400});
  check({.name = "zipf 1.1, 16",
         .tables = {{.dim = 16, .keys = 100'000, .skew = 1.1}},
         .budget = 1 << 20,
         .batches = 400});
}

TEST(PlanTiers, ALargeTableIsLookedAtPieceByPiece) {
  check({.name = "zipf 0.9, large",
         .tables = {{.dim = 8, .keys = 1'000'000, .skew = 0.9}},
         .budget = 6 << 20,
         .samples = 4096,
         .batches = 250});
  check({.name = "uniform, large",
         .tables = {{.dim = 8, .keys = 200'000, .skew = 0}},
         .budget = 6 << 20,
         .samples = 4096,
         .batches = 150});
}

TEST(PlanTiers, TablesThatShareABudgetDivideIt) {
  check({.name = "shared",
         .tables = {{.dim = 16, .keys = 100'000, .skew = 1.0},
                    {.dim = 16, .keys = 30'000, .skew = 0.6},
                    {.dim = 8, .keys = 50'000, .skew = 1.2, .per_sample = 2},
                    {.dim = 64, .keys = 300}},
         .budget = 3 << 20,
         .batches = 400});
}

TEST(PlanTiers, PoliciesThatCountMissLess) {
  check({.name = "lfu",
         .tables = {{.dim = 16, .keys = 100'000, .skew = 1.0}},
         .budget = 1 << 20,
         .batches = 400,
         .eviction = storage::Eviction::kLfu});
  check({.name = "score",
         .tables = {{.dim = 16, .keys = 100'000, .skew = 1.0}},
         .budget = 1 << 20,
         .batches = 400,
         .eviction = storage::Eviction::kScore});
  check({.name = "lfu2",
         .tables = {{.dim = 16, .keys = 100'000, .skew = 0.7}},
         .budget = 2 << 20,
         .batches = 400,
         .eviction = storage::Eviction::kLfu});
  check({.name = "score2",
         .tables = {{.dim = 16, .keys = 100'000, .skew = 0.7}},
         .budget = 2 << 20,
         .batches = 400,
         .eviction = storage::Eviction::kScore});
}

}  // namespace
}  // namespace strata::train
