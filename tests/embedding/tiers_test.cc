// Tables over an SSD: the same bits as in DRAM alone, and budgets that hold.

#include <gtest/gtest.h>

#include <thread>

#include "base/error.h"
#include "tests/embedding/batches.h"
#include "tests/error_of.h"
#include "tests/sanitized.h"
#include "tests/temporary_folder.h"

namespace strata::embedding {
namespace {

TiersConfig over_ssd(const std::string& path, int64_t dram_bytes) {
  TiersConfig tiers;
  if (dram_bytes > 0) tiers.dram = Bytes{dram_bytes};
  tiers.ssd = SsdTierConfig{.path = path, .memory = {64 << 20}, .read_threads = 4};
  return tiers;
}

std::vector<TableConfig> two_tables(const kernels::OptimizerConfig& optimizer, kernels::DType dtype,
                                    const TiersConfig& tiers) {
  std::vector<TableConfig> configs = {table("a", 8, optimizer), table("b", 3, optimizer)};
  for (TableConfig& config : configs) {
    config.dtype = dtype;
    config.tiers = tiers;
  }
  return configs;
}

/// Pooled rows of an evaluation, and behind them how many keys were absent.
std::vector<float> evaluated(Collection& tables, const Bags& bags, ThreadPool& pool) {
  KeyedBatch keys;
  tables.prepare(make_batch(bags, 4, true), keys, pool);
  const LookUpCounts counts = tables.look_up(keys, LookUpMode::kReadOnly, 0, pool);
  std::vector<float> out(std::ssize(bags[0]) * tables.out_width());
  tables.pool(keys, 0, std::ssize(bags[0]), out.data(), tables.out_width());
  out.push_back(static_cast<float>(counts.defaulted));
  out.push_back(static_cast<float>(counts.defaulted_occurrences));
  return out;
}

/// Every learning of a row: optimizers lazy and, where rows are replayed, exact; narrow rows.
std::vector<std::pair<kernels::OptimizerConfig, kernels::DType>> every_learning() {
  std::vector<std::pair<kernels::OptimizerConfig, kernels::DType>> all;
  for (kernels::OptimizerConfig optimizer : every_optimizer()) {
    all.emplace_back(optimizer, kernels::DType::kF32);
    all.emplace_back(optimizer, kernels::DType::kBf16);
    optimizer.mode = kernels::OptimizerMode::kExact;
    if (optimizer.needs_catch_up()) all.emplace_back(optimizer, kernels::DType::kF32);
  }
  return all;
}

TEST(Tiers, ASmallCacheGivesTheSameBitsAsDramAlone) {
  constexpr uint64_t kIds = 6000;
  for (const auto& [optimizer, dtype] : every_learning()) {
    SCOPED_TRACE(std::string(optimizer.name()) + " " + std::string(enum_name(dtype)));
    const TemporaryFolder folder;
    ThreadPool pool(2);
    Collection all(two_tables(optimizer, dtype, {}), two_lookups(), 11);
    Collection few(two_tables(optimizer, dtype, over_ssd(folder.path() + "/ssd", 160 << 10)),
                   two_lookups(), 11);
    for (uint32_t step = 1; step <= (kSanitized ? 8 : 40); ++step) {
      const Bags bags = random_bags(step, 40, {1, 3, 2}, kIds);
      ASSERT_EQ(train_step(all, bags, step, pool), train_step(few, bags, step, pool)) << step;
    }
    const Bags unseen = random_bags(99, 200, {1, 3, 2}, 2 * kIds);
    EXPECT_EQ(evaluated(all, unseen, pool), evaluated(few, unseen, pool));
    for (int t = 0; t < 2; ++t) {
      EXPECT_EQ(all_rows(all, t), all_rows(few, t));
      EXPECT_EQ(all.usage(t).rows, few.usage(t).rows);
    }
    if (kSanitized) continue;
    EXPECT_GT(few.usage(0).counts.fetched, 0);
  }
}

TEST(Tiers, FetchingAheadGivesTheSameBits) {
  const TemporaryFolder folder;
  ThreadPool pool(2);
  const kernels::OptimizerConfig optimizer{.algorithm = kernels::Adam{}};
  Collection all(two_tables(optimizer, kernels::DType::kF32, {}), two_lookups(), 11);
  Collection few(
      two_tables(optimizer, kernels::DType::kF32, over_ssd(folder.path() + "/ssd", 512 << 10)),
      two_lookups(), 11);
  const auto bags_of = [](uint32_t step) { return random_bags(step, 40, {1, 3, 2}, 6000); };
  std::vector<KeyedBatch> keyed(2);
  ThreadPool one(1);
  few.prepare(make_batch(bags_of(1), 4, true), keyed[1], one);
  for (uint32_t step = 1; step <= (kSanitized ? 20 : 120); ++step) {
    std::jthread ahead([&, step] {
      KeyedBatch& next = keyed[(step + 1) % 2];
      few.prepare(make_batch(bags_of(step + 1), 4, true), next, one);
      few.fetch_ahead(next);
    });
    train_keyed(few, make_batch(bags_of(step), 4, true), keyed[step % 2], step, pool);
    train_step(all, bags_of(step), step, pool);
    if (step % 10 == 0) {
      const Bags unseen = random_bags(step, 50, {1, 3, 2}, 12'000);
      ASSERT_EQ(evaluated(all, unseen, pool), evaluated(few, unseen, pool)) << step;
      ASSERT_EQ(all_rows(all, 0), all_rows(few, 0)) << step;
    }
  }
  EXPECT_EQ(all_rows(all, 1), all_rows(few, 1));
  if (kSanitized) return;
  EXPECT_GT(few.usage(0).counts.ahead, few.usage(0).counts.fetched);
}

TEST(Tiers, BudgetsHoldAtEveryStep) {
  const TemporaryFolder folder;
  ThreadPool pool(2);
  constexpr int64_t kBudget = 4 << 20;
  Collection tables(two_tables({.algorithm = kernels::Adagrad{}}, kernels::DType::kF32,
                               over_ssd(folder.path() + "/ssd", kBudget)),
                    two_lookups(), 11);
  int64_t most = 0;
  for (uint32_t step = 1; step <= (kSanitized ? 20 : 80); ++step) {
    train_step(tables, random_bags(step, 1000, {1, 3, 2}, 1'000'000), step, pool);
    const int64_t used = tables.usage(0).bytes() + tables.usage(1).bytes();
    ASSERT_LE(used, kBudget) << "step " << step;
    most = std::max(most, used);
  }
  EXPECT_GT(tables.usage(0).counts.evicted, 0);
  EXPECT_GT(most, kBudget * 85 / 100);
}

TEST(Tiers, AccumulatedBatchesStayUntilTheyAreApplied) {
  const TemporaryFolder folder;
  ThreadPool pool(2);
  const auto optimizer = sgd(0.1f);
  Collection all(two_tables(optimizer, kernels::DType::kF32, {}), two_lookups(), 3);
  TiersConfig tiers = over_ssd(folder.path() + "/ssd", 64 << 10);
  tiers.eviction = storage::Eviction::kLfu;
  Collection few(two_tables(optimizer, kernels::DType::kF32, tiers), two_lookups(), 3);
  for (uint32_t step = 1; step <= 30; ++step) {
    const uint64_t ids = step <= 20 ? 500 : 5000;  // the first are used more often than the rest
    for (Collection* tables : {&all, &few}) {
      KeyedBatch sum;
      for (uint64_t part = 0; part < 3; ++part) {
        const Bags bags = random_bags(10 * step + part, 30, {1, 3, 2}, ids);
        const Batch batch = make_batch(bags, 4, true);
        KeyedBatch keys;
        tables->prepare(batch, keys, pool);
        tables->look_up(keys, LookUpMode::kTrain, step, pool);
        const auto gradient = made_up_gradient(batch.size, tables->out_width(), step);
        tables->reduce_gradients(keys, gradient.data(), tables->out_width(), batch.chunk_begin,
                                 pool);
        tables->accumulate(keys, sum);
      }
      tables->apply(sum, step, 1.0f, pool);
    }
  }
  EXPECT_GT(few.usage(0).counts.evicted, 0);
  for (int t = 0; t < 2; ++t) EXPECT_EQ(all_rows(all, t), all_rows(few, t));
}

TEST(Tiers, RowsOfAFileGoBelowAndAreFound) {
  const TemporaryFolder folder;
  ThreadPool pool(2);
  Collection all(two_tables(sgd(0.1f), kernels::DType::kF32, {}), two_lookups(), 3);
  for (uint32_t step = 1; step <= 5; ++step) {
    train_step(all, random_bags(step, 500, {1, 3, 2}, 5000), step, pool);
  }
  Collection few(
      two_tables(sgd(0.1f), kernels::DType::kF32, over_ssd(folder.path() + "/ssd", 512 << 10)),
      two_lookups(), 3);
  train_step(few, random_bags(1, 100, {1, 3, 2}, 5000), 1, pool);
  for (int t = 0; t < 2; ++t) {
    few.clear(t);
    std::vector<uint64_t> hashes;
    std::vector<std::byte> rows;
    for (const auto& [id, bytes] : all_rows(all, t)) {
      hashes.push_back(all.hash_of(t, id));
      rows.insert(rows.end(), bytes.begin(), bytes.end());
    }
    few.insert_rows(t, hashes, rows);
    EXPECT_EQ(few.usage(t).dram_rows, 0);
  }
  const Bags bags = random_bags(6, 100, {1, 3, 2}, 5000);
  EXPECT_EQ(evaluated(all, bags, pool), evaluated(few, bags, pool));
  EXPECT_EQ(train_step(all, bags, 6, pool), train_step(few, bags, 6, pool));
  for (int t = 0; t < 2; ++t) EXPECT_EQ(all_rows(all, t), all_rows(few, t));
}

TEST(Tiers, ABudgetTooSmallForOneBatchNamesTableAndKey) {
  const TemporaryFolder folder;
  ThreadPool pool(1);
  Collection tables(
      two_tables(sgd(0.1f), kernels::DType::kF32, over_ssd(folder.path() + "/ssd", 64 << 10)),
      two_lookups(), 3);
  const Error error = error_of([&] {
    train_step(tables, random_bags(1, 20'000, {1, 3, 2}, 1'000'000), 1, pool);
  });
  EXPECT_EQ(error.code(), ErrorCode::kResource);
  EXPECT_NE(std::string(error.what()).find("table a"), std::string::npos) << error.what();
  EXPECT_NE(std::string(error.what()).find("tiers.dram"), std::string::npos) << error.what();
}

TEST(Tiers, TiersThatDoNotGoTogetherAreRefused) {
  const TemporaryFolder folder;
  const auto open = [](const TableConfig& a, const TableConfig& b) {
    const Error error = error_of([&] { Collection({a, b}, {}, 1); });
    EXPECT_EQ(error.code(), ErrorCode::kConfig);
    return std::string(error.what());
  };
  TableConfig a = table("a", 8, sgd(1)), b = table("b", 8, sgd(1));
  a.tiers.dram = Bytes{1 << 20};
  EXPECT_NE(open(a, b).find("tables.a.tiers.dram"), std::string::npos);
  a.tiers = over_ssd("", 1 << 20);
  EXPECT_NE(open(a, b).find("tables.a.tiers.ssd.path"), std::string::npos);
  a.tiers = over_ssd(folder.path() + "/ssd", 0);
  EXPECT_NE(open(a, b).find("set tiers.dram"), std::string::npos);
  a.tiers = over_ssd(folder.path() + "/ssd", 1 << 20);
  b.tiers = over_ssd(folder.path() + "/./ssd/", 1 << 20);
  b.tiers.ssd->memory.value *= 2;
  EXPECT_NE(open(a, b).find("tables.b.tiers.ssd"), std::string::npos);
}

}  // namespace
}  // namespace strata::embedding
