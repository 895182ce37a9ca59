// Tables frozen at a step, read while training goes on.

#include <gtest/gtest.h>

#include <atomic>
#include <set>
#include <thread>

#include "tests/embedding/batches.h"
#include "tests/sanitized.h"
#include "tests/temporary_folder.h"

namespace strata::embedding {
namespace {

using AllRows = std::vector<std::pair<uint64_t, std::vector<std::byte>>>;

constexpr int64_t kCutDram = 256 << 10;
constexpr uint64_t kCutIds = 6000;

/// Two tables in DRAM, or over an SSD below little DRAM.
struct CutCase {
  const char* name;
  bool over_ssd;
  kernels::OptimizerMode mode;
};

class TablesCuts : public testing::TestWithParam<CutCase> {
 protected:
  Collection make(const char* name) {
    kernels::OptimizerConfig optimizer{.algorithm = kernels::RowwiseAdam{}};
    optimizer.mode = GetParam().mode;
    std::vector<TableConfig> configs = {table("a", 8, optimizer), table("b", 3, optimizer)};
    for (TableConfig& config : configs) {
      if (!GetParam().over_ssd) continue;
      config.tiers.dram = Bytes{kCutDram};
      config.tiers.ssd = SsdTierConfig{
          .path = folder_.path() + "/" + name, .memory = {64 << 20}, .read_threads = 2};
    }
    return Collection(std::move(configs), {{0, "a", Pooling::kSum, 0}, {1, "b", Pooling::kMean, 8}},
                      7);
  }
  Bags bags(uint32_t step) const { return random_bags(step, 40, {1, 2}, kCutIds); }
  void train(Collection& tables, uint32_t step) { train_step(tables, bags(step), step, pool_); }

  TemporaryFolder folder_;
  ThreadPool pool_{2};
};
INSTANTIATE_TEST_SUITE_P(
    Stacks, TablesCuts,
    testing::Values(CutCase{"dram_lazy", false, kernels::OptimizerMode::kLazy},
                    CutCase{"dram_exact", false, kernels::OptimizerMode::kExact},
                    CutCase{"ssd_lazy", true, kernels::OptimizerMode::kLazy},
                    CutCase{"ssd_exact", true, kernels::OptimizerMode::kExact}),
    [](const auto& info) { return std::string(info.param.name); });

void add_rows(TablesCut& cut, int table, storage::ShardRange shards, AllRows& rows) {
  cut.scan(table, shards, [&](const RowView& row) {
    rows.emplace_back(row.id, std::vector<std::byte>(row.bytes.begin(), row.bytes.end()));
  });
}

TEST_P(TablesCuts, ShowTheRowsOfTheirStepWhateverHappensSince) {
  Collection tables = make("cut");
  Collection twin = make("twin");
  tables.reserve_for_cuts(0.5);
  uint32_t step = 0;
  const auto train_both = [&] {
    ++step;
    train(tables, step);
    train(twin, step);
  };
  for (int i = 0; i < 60; ++i) train_both();
  for (int round = 0; round < 2; ++round) {
    const AllRows before[] = {all_rows(tables, 0), all_rows(tables, 1)};
    const std::vector<float> rates(tables.rate_history(0).begin(), tables.rate_history(0).end());
    TablesCut cut = tables.cut();
    AllRows seen[2];
    for (int first = 0; first < tables.shards(); first += 64) {
      train_both();
      for (int t = 0; t < 2; ++t) add_rows(cut, t, {first, 64}, seen[t]);
    }
    for (int t = 0; t < 2; ++t) {
      EXPECT_EQ(seen[t], before[t]);
      EXPECT_EQ(cut.rows(t), std::ssize(before[t]));
    }
    EXPECT_TRUE(std::ranges::equal(cut.rate_history(0), rates));
    EXPECT_GT(cut.peak_bytes(), 0);
  }
  for (int t = 0; t < 2; ++t) EXPECT_EQ(all_rows(tables, t), all_rows(twin, t));
}

TEST_P(TablesCuts, AreReadByAnotherThreadWhileRowsMove) {
  Collection tables = make("cut");
  Collection twin = make("twin");
  tables.reserve_for_cuts(0.1);
  for (uint32_t step = 1; step <= 40; ++step) train(tables, step);
  const AllRows before[] = {all_rows(tables, 0), all_rows(tables, 1)};
  AllRows seen[2];
  std::atomic<bool> done = false;
  TablesCut cut = tables.cut();
  std::jthread reader([&] {
    for (int shard = 0; shard < tables.shards(); ++shard) {
      for (int t = 0; t < 2; ++t) add_rows(cut, t, {shard, 1}, seen[t]);
    }
    done = true;
  });
  uint32_t step = 40;
  std::vector<KeyedBatch> keyed(2);
  ThreadPool one(1);
  tables.prepare(make_batch(bags(41), 4, true), keyed[1], one);
  tables.fetch_ahead(keyed[1]);
  while (!done || step < 60) {
    ++step;
    KeyedBatch& next = keyed[(step + 1) % 2];
    std::jthread ahead([&] {
      tables.prepare(make_batch(bags(step + 1), 4, true), next, one);
      tables.fetch_ahead(next);
    });
    train_keyed(tables, make_batch(bags(step), 4, true), keyed[step % 2], step, pool_);
  }
  reader.join();
  for (int t = 0; t < 2; ++t) EXPECT_EQ(seen[t], before[t]);
  for (uint32_t s = 1; s <= step; ++s) train(twin, s);
  for (int t = 0; t < 2; ++t) EXPECT_EQ(all_rows(tables, t), all_rows(twin, t));
}

TEST_P(TablesCuts, WithoutReserveTrainingWaitsForTheReader) {
  Collection tables = make("cut");
  for (uint32_t step = 1; step <= 20; ++step) train(tables, step);
  const AllRows before = all_rows(tables, 0);
  std::set<int> touched;
  KeyedBatch keys;
  tables.prepare(make_batch(bags(21), 4, true), keys, pool_);
  for (const uint64_t h : keys.hashes(0)) touched.insert(static_cast<int>(h >> 54));
  AllRows seen;
  std::atomic<int> read = 0;  // shards of table a
  TablesCut cut = tables.cut();
  std::jthread reader([&] {
    AllRows other;
    add_rows(cut, 1, tables.all_shards(), other);
    while (cut.waits() == 0) std::this_thread::yield();
    for (int shard = 0; shard < tables.shards(); ++shard) {
      read = shard + 1;
      add_rows(cut, 0, {shard, 1}, seen);
    }
  });
  train(tables, 21);
  EXPECT_GT(read, *touched.rbegin());
  EXPECT_EQ(cut.peak_bytes(), 0);
  EXPECT_GT(cut.waits(), 0);
  reader.join();
  EXPECT_EQ(seen, before);
}

TEST_P(TablesCuts, ThatAreGivenUpLetTrainingGoOn) {
  Collection tables = make("cut");
  train(tables, 1);
  std::optional<TablesCut> cut(tables.cut());
  std::jthread trainer([&] { train(tables, 2); });  // waits for a reader that never comes
  while (cut->waits() == 0) std::this_thread::yield();
  cut.reset();
  trainer.join();
  TablesCut next = tables.cut();
  EXPECT_EQ(next.rows(0), std::ssize(all_rows(tables, 0)));
}

TEST_P(TablesCuts, TheReserveIsAPartOfTheBudget) {
  if (!GetParam().over_ssd) return;
  Collection tables = make("cut");
  tables.reserve_for_cuts(0.2);
  for (uint32_t step = 1; step <= 60; ++step) train(tables, step);
  TablesCut cut = tables.cut();
  AllRows seen;
  std::jthread reader([&] {
    for (int t = 0; t < 2; ++t) add_rows(cut, t, tables.all_shards(), seen);
  });
  for (uint32_t step = 61; step <= 80; ++step) {
    train(tables, step);
    ASSERT_LE(tables.usage(0).bytes() + tables.usage(1).bytes(), kCutDram * 8 / 10);
  }
  EXPECT_LE(cut.peak_bytes(), kCutDram * 2 / 10);
}

}  // namespace
}  // namespace strata::embedding
