#include "storage/table_cut.h"

#include <gtest/gtest.h>

#include <optional>
#include <thread>

namespace strata::storage {
namespace {

constexpr int64_t kCutRowBytes = 24;
constexpr int64_t kCutEntry = kCutRowBytes + 8;
const std::vector<std::byte> kCutRow(kCutRowBytes, std::byte{7});

/// Of 40 slots, 4 shards; `entries` may be kept.
struct Cut {
  explicit Cut(int64_t entries)
      : reserve(std::make_shared<CutReserve>(entries * kCutEntry * 5 / 4)),
        cut({.slots = 40, .rows = 40, .row_bytes = kCutRowBytes, .shard_bits = 2, .below = nullptr},
            reserve) {}

  static uint64_t key(int shard, int i) { return (uint64_t{unsigned(shard)} << 62) + unsigned(i); }
  /// `count` rows of a shard change, from slot 10 * shard on.
  int64_t claim(int shard, int count) {
    std::vector<uint64_t> hashes;
    for (int i = 0; i < count; ++i) hashes.push_back(key(shard, i));
    return cut.claim(hashes, 0);
  }
  void keep(int shard, int count) {
    for (int i = 0; i < count; ++i) cut.keep(key(shard, i), 10 * shard + i, kCutRow.data());
  }

  std::shared_ptr<CutReserve> reserve;
  TableCut cut;
};

TEST(TableCut, ARowIsKeptOnceAndOnlyWhileItsShardIsToBeRead) {
  Cut c(100);
  c.keep(1, 5);
  c.keep(1, 5);
  c.cut.pass(16);
  c.cut.keep(c.key(1, 6), 16, kCutRow.data());
  c.cut.keep(c.key(1, 7), 40, kCutRow.data());  // a slot of after the cut
  EXPECT_EQ(std::ssize(c.cut.kept(1)), 5 * kCutEntry);
  EXPECT_FALSE(c.cut.is_frozen(10));
  EXPECT_TRUE(c.cut.is_frozen(15));
  EXPECT_FALSE(c.cut.is_frozen(16));
  EXPECT_FALSE(c.cut.is_frozen(40));
  c.cut.finish(2);
  c.keep(2, 3);
  EXPECT_TRUE(c.cut.kept(2).empty());
  EXPECT_TRUE(c.cut.is_done(2));
}

TEST(TableCut, WhatIsKeptCountsUntilItsShardIsRead) {
  Cut c(10);
  const int64_t first = c.claim(0, 8);
  EXPECT_EQ(first, 8 * kCutEntry);
  c.keep(0, 3);
  c.cut.settle(first);
  const int64_t second = c.claim(1, 7);  // 3 + 7: full
  EXPECT_EQ(c.reserve->peak_bytes(), 10 * kCutEntry);
  c.keep(1, 7);
  c.cut.settle(second);
  std::optional<int64_t> third;
  std::jthread waiting([&] { third = c.claim(3, 7); });
  while (c.reserve->waits() == 0) std::this_thread::yield();
  c.cut.finish(0);  // 3 less: not enough
  EXPECT_FALSE(c.cut.is_done(3));
  c.cut.finish(1);
  waiting.join();
  EXPECT_EQ(third, 7 * kCutEntry);
  EXPECT_EQ(c.reserve->peak_bytes(), 10 * kCutEntry);
}

TEST(TableCut, ABatchLargerThanTheReserveWaitsForItsShards) {
  Cut c(4);
  std::optional<int64_t> claimed;
  std::jthread waiting([&] { claimed = c.claim(1, 9); });
  while (c.reserve->waits() == 0) std::this_thread::yield();
  c.cut.finish(0);
  c.cut.finish(1);
  waiting.join();
  EXPECT_EQ(claimed, 0);
}

TEST(TableCut, OneThatIsAbandonedHoldsNobody) {
  Cut c(1);
  std::jthread waiting([&] { c.claim(1, 9); });
  while (c.reserve->waits() == 0) std::this_thread::yield();
  c.cut.abandon();
  waiting.join();
  EXPECT_EQ(c.claim(2, 9), 0);
}

}  // namespace
}  // namespace strata::storage
