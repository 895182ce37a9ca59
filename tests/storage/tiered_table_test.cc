#include "storage/tiered_table.h"

#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <optional>
#include <thread>
#include <utility>

#include "base/error.h"
#include "storage/ssd_database.h"
#include "tests/error_of.h"
#include "tests/sanitized.h"
#include "tests/storage/memory_row_store.h"
#include "tests/storage/row_batch.h"
#include "tests/temporary_folder.h"

namespace strata::storage {
namespace {

constexpr int kTierRowBytes = 72;
constexpr int kTierShardBits = 4;

/// Drives a TieredTable as a trainer does, beside a map.
class TierDriver {
 public:
  TierDriver(const TieredTableConfig& config, RowStore* store) : table(config, store) {}

  /// A batch that is not complete before `complete`; created rows begin as edition 0, then every
  /// row gets the next edition.
  void step(const std::set<uint64_t>& keys, int64_t budget_rows) {
    const std::vector<uint64_t> hashes(keys.begin(), keys.end());
    std::vector<int64_t> slots(hashes.size());
    std::vector<int64_t> created;
    const BatchHold hold{
        .ticket = ++ticket, .oldest = oldest, .room_bytes = budget_rows == 0 ? INT64_MAX : 0};
    if (budget_rows > 0 && table.dram().size() + table.dram().free_slots() < budget_rows) {
      grow_to(hold, hashes, budget_rows, slots, created);
    } else {
      table.hold(hold, hashes, slots, created);
    }
    check_held(hashes, slots, created);
    ++version;
    const kernels::RowsRef rows = table.dram().rows();
    for (size_t i = 0; i < hashes.size(); ++i) {
      const std::span row(rows.row(slots[i]), size_t{kTierRowBytes});
      fill_row(hashes[i], version, row);
      model[hashes[i]] = {row.begin(), row.end()};
    }
  }
  void complete() { oldest = ticket + 1; }
  /// For the batch after the last.
  void fetch_ahead(const std::set<uint64_t>& keys, int64_t room_bytes = 0) {
    const std::vector<uint64_t> hashes(keys.begin(), keys.end());
    table.fetch_ahead({.ticket = ticket + 1, .oldest = oldest, .room_bytes = room_bytes}, hashes);
  }

  void check_all() {
    Rows seen;
    for (const ShardRange shards : {ShardRange{0, 5}, ShardRange{5, 11}}) {
      table.scan(shards, [&](uint64_t h, std::span<const std::byte> row) {
        EXPECT_TRUE(seen.empty() || h > seen.rbegin()->first);
        seen[h] = {row.begin(), row.end()};
      });
    }
    EXPECT_EQ(seen, model);
    EXPECT_EQ(table.size(), std::ssize(model));
  }

  TieredTable table;
  Rows model;
  uint64_t version = 0;
  uint32_t ticket = 0;
  uint32_t oldest = 1;

 private:
  /// As many bytes of room as let DRAM have `budget_rows` rows at most.
  void grow_to(BatchHold hold, std::span<const uint64_t> hashes, int64_t budget_rows,
               std::span<int64_t> slots, std::vector<int64_t>& created) {
    const int64_t rows = budget_rows - table.dram().size() - table.dram().free_slots();
    hold.room_bytes = rows * (kTierRowBytes + 40);
    table.hold(hold, hashes, slots, created);
  }
  void check_held(std::span<const uint64_t> hashes, std::span<const int64_t> slots,
                  std::span<const int64_t> created) {
    size_t next = 0;
    const kernels::RowsRef rows = table.dram().rows();
    for (size_t i = 0; i < hashes.size(); ++i) {
      const std::vector<std::byte> row(rows.row(slots[i]), rows.row(slots[i]) + kTierRowBytes);
      const auto known = model.find(hashes[i]);
      const bool fresh = next < created.size() && created[next] == static_cast<int64_t>(i);
      ASSERT_EQ(fresh, known == model.end());
      next += fresh;
      ASSERT_EQ(row, fresh ? std::vector<std::byte>(kTierRowBytes) : known->second);
    }
  }
};

struct TierCase {
  Eviction eviction;
  bool on_ssd;
};

class TieredTables : public testing::TestWithParam<TierCase> {
 protected:
  RowStore* store() {
    if (!GetParam().on_ssd) return &memory_;
    const SsdConfig config{.path = folder_.path(), .memory = 64 << 20, .read_threads = 4};
    database_.emplace(config, SsdStart::kFresh);
    return &database_->table({.name = "C3", .row_bytes = kTierRowBytes});
  }
  TieredTableConfig config() const {
    return {
        .row_bytes = kTierRowBytes, .shard_bits = kTierShardBits, .eviction = GetParam().eviction};
  }

 private:
  MemoryRowStore memory_{kTierRowBytes};
  TemporaryFolder folder_;
  std::optional<SsdDatabase> database_;
};
INSTANTIATE_TEST_SUITE_P(
    Stacks, TieredTables,
    testing::Values(TierCase{Eviction::kLru, false}, TierCase{Eviction::kLfu, false},
                    TierCase{Eviction::kScore, false}, TierCase{Eviction::kLru, true}),
    [](const auto& info) {
      return std::string(enum_name(info.param.eviction)) + (info.param.on_ssd ? "_ssd" : "_memory");
    });

TEST_P(TieredTables, ASmallCacheHasTheRowsOfALargeMap) {
  constexpr int64_t kBudget = 400;
  const CounterRng rng{mix64(3)};
  TierDriver driver(config(), store());
  uint64_t c = 0;
  for (int round = 0; round < (kSanitized ? 60 : 300); ++round) {
    std::set<uint64_t> keys;
    const uint64_t count = rng.below(c++, 90);
    for (uint64_t i = 0; i < count; ++i) {
      const uint64_t range = rng.below(c++, 2) == 0 ? 100 : 5000;
      keys.insert(mix64(rng.below(c++, range)));
    }
    driver.step(keys, kBudget);
    if (rng.below(c++, 3) != 0) driver.complete();
    ASSERT_LE(driver.table.dram().size() + driver.table.dram().free_slots(), kBudget);
    if (round % 10 == 0) {
      std::set<uint64_t> gone;
      for (int i = 0; i < 20; ++i) gone.insert(mix64(rng.below(c++, 200)));
      driver.complete();
      const std::vector<uint64_t> hashes(gone.begin(), gone.end());
      int64_t present = 0;
      for (const uint64_t h : hashes) present += static_cast<int64_t>(driver.model.erase(h));
      ASSERT_EQ(driver.table.erase(hashes), present);
    }
    if (round % 20 == 0) driver.check_all();
  }
  driver.check_all();
  EXPECT_GT(driver.table.counts().evicted, kBudget);
  EXPECT_GT(driver.table.counts().fetched, 0);
}

TEST_P(TieredTables, RowsOfBatchesInFlightStay) {
  TierDriver driver(config(), store());
  driver.step(some_keys(1, 60), 100);
  driver.step(some_keys(2, 40), 100);  // the first is still in flight
  EXPECT_EQ(driver.table.counts().evicted, 0);
  const Error error = error_of([&] { driver.step(some_keys(3, 1), 100); });
  EXPECT_EQ(error.code(), ErrorCode::kResource);
  EXPECT_NE(std::string(error.what()).find("tiers.dram"), std::string::npos) << error.what();
  driver.check_all();
  driver.complete();
  driver.step(some_keys(3, 1), 100);
  EXPECT_EQ(driver.table.counts().evicted, 1);
  driver.check_all();
}

TEST_P(TieredTables, PutRowsAreFoundAndReplaceThoseInDram) {
  TierDriver driver(config(), store());
  driver.step(some_keys(1, 50), 0);
  driver.complete();
  std::set<uint64_t> keys = some_keys(1, 25);
  keys.merge(some_keys(2, 100));
  const RowBatch batch = make_batch(keys, 77, kTierRowBytes);
  driver.table.put(batch.hashes, batch.rows);
  for (const auto& [h, row] : rows_of(batch)) driver.model[h] = row;
  driver.check_all();
  driver.step(keys, 0);
  driver.check_all();
}

TEST_P(TieredTables, ClearedOnesAreEmpty) {
  TierDriver driver(config(), store());
  driver.step(some_keys(1, 50), 20 + 50);
  driver.complete();
  driver.step(some_keys(2, 50), 70);
  driver.table.clear();
  driver.model.clear();
  driver.check_all();
  driver.complete();
  driver.step(some_keys(1, 50), 0);
  driver.check_all();
}

TEST_P(TieredTables, ACutShowsTheRowsOfItsMoment) {
  TierDriver driver(config(), store());
  const CounterRng rng{mix64(8)};
  uint64_t c = 0;
  const auto some = [&](int count) {
    std::set<uint64_t> keys;
    for (int i = 0; i < count; ++i) keys.insert(mix64(rng.below(c++, 1500)));
    return keys;
  };
  for (int round = 0; round < 30; ++round) {
    driver.step(some(80), 400);
    driver.complete();
  }
  for (int repeat = 0; repeat < 3; ++repeat) {
    const Rows before = driver.model;
    driver.table.begin_cut(std::make_shared<CutReserve>(1 << 20));
    EXPECT_EQ(driver.table.cut_rows(), std::ssize(before));
    Rows seen;
    for (int shard = 0; shard < 16; ++shard) {
      driver.step(some(80), 400);
      driver.fetch_ahead(some(60));
      driver.complete();
      const std::set<uint64_t> gone = some(10);
      const std::vector<uint64_t> hashes(gone.begin(), gone.end());
      for (const uint64_t h : hashes) driver.model.erase(h);
      driver.table.erase(hashes);
      driver.table.scan_cut({shard, 1}, [&](uint64_t h, std::span<const std::byte> row) {
        EXPECT_TRUE(seen.empty() || h > seen.rbegin()->first);
        seen[h] = {row.begin(), row.end()};
      });
    }
    driver.table.end_cut();
    EXPECT_EQ(seen, before);
    driver.check_all();
  }
}

TEST(TieredTable, LruKeepsWhatWasUsedLast) {
  MemoryRowStore store(kTierRowBytes);
  TierDriver driver({.row_bytes = kTierRowBytes, .shard_bits = kTierShardBits}, &store);
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    driver.step(some_keys(seed, 100), 400);
    driver.complete();
  }
  driver.step(some_keys(1, 100), 400);
  driver.complete();
  driver.step(some_keys(5, 100), 400);
  driver.complete();
  const int64_t misses = driver.table.counts().misses;
  driver.step(some_keys(1, 100), 400);
  EXPECT_EQ(driver.table.counts().misses, misses);
  driver.step(some_keys(2, 100), 400);
  EXPECT_EQ(driver.table.counts().misses, misses + 100);
}

TEST(TieredTable, ScoreForgetsWhatWasUsedOftenLongAgo) {
  MemoryRowStore store(kTierRowBytes);
  TierDriver driver({.row_bytes = kTierRowBytes,
                     .shard_bits = kTierShardBits,
                     .eviction = Eviction::kScore,
                     .half_life = 4},
                    &store);
  const auto misses_of = [&](uint64_t seed) {
    const int64_t before = driver.table.counts().misses;
    driver.step(some_keys(seed, 100), 300);
    driver.complete();
    return driver.table.counts().misses - before;
  };
  for (int i = 0; i < 8; ++i) misses_of(1);
  for (uint64_t seed = 2; seed < 5; ++seed) misses_of(seed);
  EXPECT_EQ(misses_of(1), 0);  // used often, not long ago
  for (uint64_t seed = 10; seed < 60; ++seed) misses_of(seed);
  EXPECT_EQ(misses_of(1), 100);
}

TEST(TieredTable, LfuKeepsWhatIsUsedOften) {
  MemoryRowStore store(kTierRowBytes);
  TierDriver driver(
      {.row_bytes = kTierRowBytes, .shard_bits = kTierShardBits, .eviction = Eviction::kLfu},
      &store);
  for (int i = 0; i < 16; ++i) driver.step(some_keys(1, 100), 300);
  driver.complete();
  for (uint64_t seed = 2; seed < 5; ++seed) {
    driver.step(some_keys(seed, 150), 300);
    driver.complete();
  }
  const int64_t misses = driver.table.counts().misses;
  driver.step(some_keys(1, 100), 300);
  EXPECT_EQ(driver.table.counts().misses, misses);
}

TEST_P(TieredTables, RowsFetchedAheadAreThereAndAreTheNewest) {
  TierDriver driver(config(), store());
  const CounterRng rng{mix64(5)};
  uint64_t c = 0;
  const auto some = [&] {
    std::set<uint64_t> keys;
    for (int i = 0; i < 60; ++i) keys.insert(mix64(rng.below(c++, 2000)));
    return keys;
  };
  std::set<uint64_t> next = some();
  for (int round = 0; round < (kSanitized ? 60 : 300); ++round) {
    const std::set<uint64_t> keys = next;
    driver.step(keys, 400);
    next = some();
    driver.fetch_ahead(next);  // while the step before is in flight
    driver.complete();
    ASSERT_LE(driver.table.dram().size() + driver.table.dram().free_slots(), 400);
  }
  driver.check_all();
  const TierCounts counts = driver.table.counts();
  EXPECT_GT(counts.ahead, 0);
  EXPECT_LT(counts.fetched, counts.ahead / 10);
}

TEST(TieredTable, RowsFetchedAheadStayForTheirBatch) {
  MemoryRowStore store(kTierRowBytes);
  TierDriver driver({.row_bytes = kTierRowBytes, .shard_bits = kTierShardBits}, &store);
  driver.step(some_keys(1, 50), 400);
  driver.complete();
  for (uint64_t seed = 2; seed <= 9; ++seed) {
    driver.step(some_keys(seed, 100), 400);
    driver.complete();
  }
  ++driver.ticket;  // the batch of the first keys is the one after the next
  driver.fetch_ahead(some_keys(1, 50));
  --driver.ticket;
  EXPECT_EQ(driver.table.counts().ahead, 50);
  driver.step(some_keys(10, 300), 400);
  driver.complete();
  const TierCounts before = driver.table.counts();
  driver.step(some_keys(1, 50), 400);
  EXPECT_EQ(driver.table.counts().misses, before.misses);
}

TEST(TieredTable, FetchingAheadMakesNoRowAndTakesNoRoomThatIsNotThere) {
  MemoryRowStore store(kTierRowBytes);
  TierDriver driver({.row_bytes = kTierRowBytes, .shard_bits = kTierShardBits}, &store);
  driver.step(some_keys(1, 200), 400);
  driver.complete();
  driver.step(some_keys(2, 400), 400);  // all of DRAM is in flight
  driver.fetch_ahead(some_keys(1, 80));
  driver.fetch_ahead(some_keys(7, 80));
  EXPECT_EQ(driver.table.counts().ahead, 0);
  driver.complete();
  driver.fetch_ahead(some_keys(1, 150));  // more than a quarter of DRAM
  EXPECT_EQ(driver.table.counts().ahead, 0);
  driver.check_all();
}

/// Fails reads or writes when told to, and lets others work before a read.
class FailingStore final : public RowStore {
 public:
  explicit FailingStore(RowStore& store) : store_(store) {}
  int row_bytes() const override { return store_.row_bytes(); }
  void read(std::span<const uint64_t> hashes, std::span<std::byte> rows,
            std::span<uint8_t> found) const override {
    if (fail_reads) throw Error(ErrorCode::kIo, "read");
    store_.read(hashes, rows, found);
    if (after_read) std::exchange(after_read, nullptr)();
  }
  void write(std::span<const uint64_t> hashes, std::span<const std::byte> rows) override {
    if (fail_writes) throw Error(ErrorCode::kIo, "write");
    store_.write(hashes, rows);
  }
  void erase(std::span<const uint64_t> hashes) override { store_.erase(hashes); }
  void clear() override { store_.clear(); }
  std::unique_ptr<RowSnapshot> snapshot() const override { return store_.snapshot(); }
  RowStoreUsage usage() const override { return store_.usage(); }

  bool fail_reads = false;
  bool fail_writes = false;
  mutable std::function<void()> after_read;

 private:
  RowStore& store_;
};

TEST(TieredTable, AStoreThatFailsLosesNothing) {
  MemoryRowStore memory(kTierRowBytes);
  FailingStore store(memory);
  TierDriver driver({.row_bytes = kTierRowBytes, .shard_bits = kTierShardBits}, &store);
  driver.step(some_keys(1, 300), 350);
  driver.complete();
  store.fail_writes = true;
  EXPECT_STREQ(error_of([&] { driver.step(some_keys(2, 100), 350); }).what(), "write");
  driver.check_all();
  store.fail_writes = false;
  store.fail_reads = true;
  EXPECT_STREQ(error_of([&] { driver.step(some_keys(3, 100), 350); }).what(), "read");
  driver.check_all();
  store.fail_reads = false;
  driver.step(some_keys(2, 100), 350);
  driver.complete();
  driver.step(some_keys(1, 300), 350);
  driver.check_all();
  EXPECT_LE(driver.table.dram().size() + driver.table.dram().free_slots(), 350);
}

TEST(TieredTable, ARowThatChangedWhileItWasReadAheadIsNotTaken) {
  MemoryRowStore memory(kTierRowBytes);
  FailingStore store(memory);
  TierDriver driver({.row_bytes = kTierRowBytes, .shard_bits = kTierShardBits}, &store);
  const std::set<uint64_t> wanted = some_keys(1, 50);
  driver.step(wanted, 400);
  driver.complete();
  for (uint64_t seed = 2; seed <= 6; ++seed) {
    driver.step(some_keys(seed, 100), 400);
    driver.complete();
  }
  // Between the read and the taking, the rows come to DRAM, change, and leave again.
  store.after_read = [&] {
    driver.step(wanted, 400);
    driver.complete();
    driver.step(some_keys(8, 380), 400);
    driver.complete();
  };
  driver.fetch_ahead(wanted);
  driver.check_all();
  // Or they are erased.
  store.after_read = [&] {
    const std::vector<uint64_t> hashes(wanted.begin(), wanted.end());
    driver.table.erase(hashes);
    for (const uint64_t h : hashes) driver.model.erase(h);
  };
  driver.fetch_ahead(wanted);
  driver.check_all();
}

TEST(TieredTable, OneThreadFetchesWhileAnotherTrains) {
  MemoryRowStore store(kTierRowBytes);
  TierDriver driver({.row_bytes = kTierRowBytes, .shard_bits = kTierShardBits}, &store);
  const auto keys_of = [](uint64_t batch) {
    const CounterRng rng{mix64(batch)};
    std::set<uint64_t> keys;
    for (uint64_t i = 0; i < 60; ++i) keys.insert(mix64(rng.below(i, 2000)));
    return keys;
  };
  constexpr int kBatches = kSanitized ? 200 : 2000;
  driver.step(keys_of(0), 400);
  std::atomic<uint32_t> oldest{1};
  std::jthread fetcher([&](const std::stop_token& stop) {
    for (uint32_t last = 0; !stop.stop_requested(); std::this_thread::yield()) {
      const uint32_t now = oldest;
      if (now == last) continue;
      last = now;
      const std::set<uint64_t> keys = keys_of(now);
      const std::vector<uint64_t> hashes(keys.begin(), keys.end());
      driver.table.fetch_ahead({.ticket = now + 1, .oldest = now, .room_bytes = 0}, hashes);
    }
  });
  for (int batch = 1; batch < kBatches; ++batch) {
    driver.step(keys_of(batch), 400);
    driver.complete();
    oldest = driver.oldest;
  }
  fetcher.request_stop();
  fetcher.join();
  driver.check_all();
}

TEST(TieredTable, RowsThatNeverChangeAreWrittenOnce) {
  MemoryRowStore memory(kTierRowBytes);
  TieredTable table({.row_bytes = kTierRowBytes, .shard_bits = kTierShardBits, .changes = false},
                    &memory);
  const RowBatch batch = make_batch(some_keys(1, 200), 1, kTierRowBytes);
  table.put(batch.hashes, batch.rows);
  std::vector<int64_t> slots(100);
  std::vector<int64_t> created;
  for (uint32_t ticket = 1; ticket <= 6; ++ticket) {
    const auto half = std::span(batch.hashes).subspan(ticket % 2 * 100, 100);
    const int64_t room = ticket == 1 ? 120 * (kTierRowBytes + 40) : 0;
    table.hold({.ticket = ticket, .oldest = ticket, .room_bytes = room}, half, slots, created);
  }
  EXPECT_TRUE(created.empty());
  EXPECT_GT(table.counts().evicted, 300);
  EXPECT_EQ(table.counts().written, 0);
}

}  // namespace
}  // namespace strata::storage
