#include "storage/dram_table.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <fstream>
#include <map>
#include <numeric>
#include <string>
#include <thread>
#include <unordered_map>

#include "base/buffer.h"
#include "base/error.h"
#include "base/hash.h"
#include "tests/sanitized.h"

namespace strata::storage {
namespace {

/// STRATA_TEST_SEED, or the given default; printed with every failure.
uint64_t seed_or(uint64_t fallback) {
  const char* text = std::getenv("STRATA_TEST_SEED");
  return text ? std::strtoull(text, nullptr, 10) : fallback;
}

uint64_t value_of(const DramTable& table, int64_t slot) {
  uint64_t value = 0;
  std::memcpy(&value, table.rows().row(slot), sizeof value);
  return value;
}

int64_t insert_one(DramTable& table, uint64_t h) {
  int64_t slot = kNoSlot;
  std::vector<int64_t> created;
  table.find_or_insert({&h, 1}, {&slot, 1}, created);
  return slot;
}

int64_t find_one(const DramTable& table, uint64_t h) {
  int64_t slot = kNoSlot;
  table.find({&h, 1}, {&slot, 1});
  return slot;
}

std::vector<uint64_t> keys_from(uint64_t begin, uint64_t end) {
  std::vector<uint64_t> keys;
  for (uint64_t i = begin; i < end; ++i) keys.push_back(mix64(i));
  return keys;
}

TEST(DramTable, EmptyTableFindsNothingAndAcceptsEmptyBatches) {
  DramTable table({.row_bytes = 8});
  std::vector<int64_t> created;
  table.find({}, {});
  table.find_or_insert({}, {}, created);
  EXPECT_TRUE(created.empty());
  EXPECT_EQ(find_one(table, 0), kNoSlot);
  EXPECT_EQ(find_one(table, ~uint64_t{0}), kNoSlot);
  EXPECT_EQ(table.size(), 0);
  EXPECT_TRUE(table.keys_of(0).empty());
  EXPECT_TRUE(table.keys_of(1023).empty());
}

TEST(DramTable, ZeroAndAllOnesAreOrdinaryKeys) {
  DramTable table({.row_bytes = 8});
  const int64_t zero = insert_one(table, 0);
  const int64_t ones = insert_one(table, ~uint64_t{0});
  EXPECT_NE(zero, ones);
  EXPECT_EQ(find_one(table, 0), zero);
  EXPECT_EQ(find_one(table, ~uint64_t{0}), ones);
  const uint64_t erased = 0;
  EXPECT_EQ(table.erase({&erased, 1}), 1);
  EXPECT_EQ(find_one(table, 0), kNoSlot);
  EXPECT_EQ(find_one(table, ~uint64_t{0}), ones);
}

TEST(DramTable, FreshRowsAreZeroAlsoWhenASlotIsReused) {
  DramTable table({.row_bytes = 12});
  const int64_t slot = insert_one(table, 5);
  std::memset(table.rows().row(slot), 0xff, 12);
  const uint64_t five = 5;
  EXPECT_EQ(table.erase({&five, 1}), 1);
  EXPECT_EQ(table.erase({&five, 1}), 0);
  const int64_t again = insert_one(table, 6);
  EXPECT_EQ(again, slot);
  EXPECT_EQ(value_of(table, again), 0u);
}

TEST(DramTable, RowsKeepTheirPlaceWhileTheTableGrows) {
  DramTable table({.row_bytes = 8});
  const int64_t slot = insert_one(table, mix64(1));
  const std::byte* row = table.rows().row(slot);
  std::vector<int64_t> created;
  const auto keys = keys_from(2, 200'000);
  std::vector<int64_t> slots(keys.size());
  table.find_or_insert(keys, slots, created);
  EXPECT_EQ(created.size(), keys.size());
  EXPECT_EQ(find_one(table, mix64(1)), slot);
  EXPECT_EQ(table.rows().row(slot), row);
}

/// Every shard's keys ascend and carry the model's values; together they are all keys.
void expect_scans_show(const DramTable& table,
                       const std::unordered_map<uint64_t, uint64_t>& model) {
  int64_t seen = 0;
  for (int shard = 0; shard < table.shards(); ++shard) {
    const KeySlot* before = nullptr;
    const auto keys = table.keys_of(shard);
    for (const KeySlot& key : keys) {
      ASSERT_EQ(table.shard_of(key.h), shard);
      if (before) {
        ASSERT_LT(before->h, key.h);
      }
      ASSERT_EQ(value_of(table, key.slot), model.at(key.h));
      before = &key;
      ++seen;
    }
  }
  EXPECT_EQ(seen, static_cast<int64_t>(model.size()));
}

struct FuzzCase {
  int shard_bits;
  uint64_t key_space;
  bool mixed;  // uniform keys, or small integers: all in one shard and a few buckets
};

constexpr uint64_t kFuzzKeys = kSanitized ? 50'000 : 150'000;

class DramTableFuzz : public testing::TestWithParam<FuzzCase> {};
INSTANTIATE_TEST_SUITE_P(Cases, DramTableFuzz,
                         testing::Values(FuzzCase{10, 200, true}, FuzzCase{10, kFuzzKeys, true},
                                         FuzzCase{0, kFuzzKeys / 3, true},
                                         FuzzCase{3, kFuzzKeys, true},
                                         FuzzCase{16, kFuzzKeys, true},
                                         FuzzCase{10, 2'000, false}));

TEST_P(DramTableFuzz, BehavesLikeAHashMap) {
  const FuzzCase fuzz = GetParam();
  const uint64_t seed = seed_or(17 + fuzz.key_space);
  SCOPED_TRACE("STRATA_TEST_SEED=" + std::to_string(seed));
  const CounterRng rng{seed};
  uint64_t counter = 0;
  const auto random_key = [&] {
    const uint64_t id = rng.below(counter++, fuzz.key_space);
    return fuzz.mixed ? mix64(id) : id;
  };
  DramTable table({.row_bytes = 8, .shard_bits = fuzz.shard_bits});
  std::unordered_map<uint64_t, uint64_t> model;
  const int rounds = 150;
  for (int round = 0; round < rounds; ++round) {
    std::map<uint64_t, bool> distinct;
    const uint64_t batch = rng.below(counter++, fuzz.key_space / 20 + 10);
    for (uint64_t i = 0; i < batch; ++i) distinct[random_key()] = true;
    std::vector<uint64_t> keys;
    for (const auto& [key, unused] : distinct) keys.push_back(key);
    std::vector<int64_t> slots(keys.size());
    const uint64_t action = rng.below(counter++, 10);
    if (action < 5) {
      std::vector<int64_t> created;
      table.find_or_insert(keys, slots, created);
      size_t next = 0;
      for (size_t i = 0; i < keys.size(); ++i) {
        const bool fresh = !model.contains(keys[i]);
        ASSERT_EQ(fresh, next < created.size() && created[next] == static_cast<int64_t>(i));
        if (fresh) {
          ++next;
          ASSERT_EQ(value_of(table, slots[i]), 0u);
          const uint64_t value = keys[i] ^ 0x5555;
          std::memcpy(table.rows().row(slots[i]), &value, sizeof value);
          model[keys[i]] = value;
        }
      }
      ASSERT_EQ(next, created.size());
    } else if (action < 8) {
      table.find(keys, slots);
      for (size_t i = 0; i < keys.size(); ++i) {
        const auto known = model.find(keys[i]);
        ASSERT_EQ(slots[i] != kNoSlot, known != model.end());
        if (slots[i] != kNoSlot) {
          ASSERT_EQ(value_of(table, slots[i]), known->second);
        }
      }
    } else if (action < 9) {
      int64_t present = 0;
      for (uint64_t key : keys) present += static_cast<int64_t>(model.erase(key));
      ASSERT_EQ(table.erase(keys), present);
    } else {
      table.reserve(static_cast<int64_t>(batch));
    }
    ASSERT_EQ(table.size(), static_cast<int64_t>(model.size()));
  }
  expect_scans_show(table, model);
}

class DramTableMemoryBound : public testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(RowBytes, DramTableMemoryBound,
                         testing::Values(8, 16, 36, 64, 68, 132, 520));

TEST_P(DramTableMemoryBound, HoldsAtEverySizeDuringGrowth) {
  const int row_bytes = GetParam();
  const double factor = row_bytes >= 64 ? 1.35 : 1.7;
  const int64_t most = (row_bytes > 100 ? 150'000 : 600'000) / (kSanitized ? 8 : 1);
  DramTable table({.row_bytes = row_bytes});
  double worst = 0;
  int64_t worst_rows = 0;
  std::vector<int64_t> created;
  std::vector<int64_t> slots;
  for (int64_t rows = 0; rows < most;) {
    const int64_t step = std::max<int64_t>(1, rows / 64);
    const auto keys = keys_from(rows, rows + step);
    slots.resize(keys.size());
    table.find_or_insert(keys, slots, created);
    rows += step;
    const DramTableUsage usage = table.usage();
    ASSERT_EQ(usage.rows, rows);
    const double bytes = static_cast<double>(usage.index_bytes + usage.row_bytes);
    const double least = static_cast<double>(rows * (row_bytes + 8));
    // Memory comes in pages: one of rows and one of index may be partly used.
    ASSERT_LE(bytes, factor * least + 2 * HugeBuffer::kSmallPageBytes) << "at " << rows << " rows";
    if (rows < 4096) continue;
    const double ratio = bytes / least;
    if (ratio > worst) worst = ratio, worst_rows = rows;
  }
  EXPECT_LE(worst, factor) << "at " << worst_rows << " rows";
}

#ifndef STRATA_SANITIZED
/// Memory of this process that is in use, in bytes.
int64_t resident_bytes() {
  std::ifstream file("/proc/self/statm");
  int64_t pages = 0;
  file >> pages >> pages;  // the second number
  return pages * static_cast<int64_t>(HugeBuffer::kSmallPageBytes);
}

TEST(DramTable, UsageIsWhatTheSystemHasGiven) {
  const int64_t before = resident_bytes();
  DramTable table({.row_bytes = 68});
  std::vector<int64_t> created;
  std::vector<int64_t> slots;
  for (int64_t rows = 0; rows < 1'000'000; rows += 10'000) {
    const auto keys = keys_from(rows, rows + 10'000);
    slots.resize(keys.size());
    created.clear();
    table.find_or_insert(keys, slots, created);
    const auto ones = table.rows();
    for (const int64_t slot : slots) std::memset(ones.row(slot), 1, 68);
  }
  const DramTableUsage usage = table.usage();
  const auto given = static_cast<double>(resident_bytes() - before);
  const auto told = static_cast<double>(usage.index_bytes + usage.row_bytes);
  EXPECT_LE(given, told + (4 << 20));
  EXPECT_GE(given, told - (4 << 20));
}
#endif

TEST(DramTable, ATableOfThreeRowsCostsAFewKilobytes) {
  DramTable table({.row_bytes = 132});
  for (uint64_t i = 0; i < 3; ++i) insert_one(table, mix64(i));
  const DramTableUsage usage = table.usage();
  EXPECT_LE(usage.index_bytes + usage.row_bytes, 8 * 1024);
}

TEST(DramTable, ThreadsInsertAndEraseInDisjointShards) {
  DramTable table({.row_bytes = 16, .shard_bits = 4});
  std::vector<int64_t> created;
  auto keys = keys_from(0, 100'000);
  std::vector<int64_t> slots(keys.size());
  table.find_or_insert(keys, slots, created);
  ASSERT_FALSE(table.shared_run());
  const auto work = [&table](int parity) {
    std::vector<uint64_t> mine;
    for (uint64_t h : keys_from(100'000, 200'000)) {
      if (table.shard_of(h) % 2 == parity) mine.push_back(h);
    }
    std::vector<int64_t> where(mine.size());
    std::vector<int64_t> fresh;
    table.find_or_insert(mine, where, fresh);
    ASSERT_EQ(fresh.size(), mine.size());
    const auto rows = table.rows();
    for (size_t i = 0; i < mine.size(); ++i) std::memcpy(rows.row(where[i]), &mine[i], 8);
    ASSERT_EQ(table.erase(std::span(mine).subspan(0, 1000)), 1000);
    table.find_or_insert(std::span(mine).subspan(0, 500), std::span(where).subspan(0, 500), fresh);
  };
  std::thread other(work, 1);
  work(0);
  other.join();
  EXPECT_EQ(table.size(), 200'000 - 2 * 500);
  for (uint64_t h : keys_from(100'000, 200'000)) {
    const int64_t slot = find_one(table, h);
    if (slot == kNoSlot) continue;
    const uint64_t value = value_of(table, slot);
    ASSERT_TRUE(value == h || value == 0);
  }
}

TEST(DramTable, MovesWithItsContent) {
  DramTable table({.row_bytes = 8});
  const int64_t slot = insert_one(table, 7);
  DramTable moved = std::move(table);
  EXPECT_EQ(find_one(moved, 7), slot);
}

}  // namespace
}  // namespace strata::storage
