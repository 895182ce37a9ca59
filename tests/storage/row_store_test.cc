// The contract of storage/row_store.h, typed over its implementations.

#include "storage/row_store.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "storage/ssd_database.h"
#include "tests/sanitized.h"
#include "tests/storage/memory_row_store.h"
#include "tests/storage/row_batch.h"
#include "tests/temporary_folder.h"

namespace strata::storage {
namespace {

constexpr int kRowBytes = 72;
constexpr uint64_t kLastKey = ~uint64_t{0};

struct InMemory {
  MemoryRowStore store{kRowBytes};
  RowStore& get() { return store; }
  void reopen() {}
};

struct OnSsd {
  TemporaryFolder folder;
  std::unique_ptr<SsdDatabase> database = open(SsdStart::kFresh);
  RowStore* store = table();

  std::unique_ptr<SsdDatabase> open(SsdStart start) {
    const SsdConfig config{.path = folder.path(), .memory = 64 << 20, .read_threads = 4};
    return std::make_unique<SsdDatabase>(config, start);
  }
  RowStore* table() { return &database->table({.name = "C3", .row_bytes = kRowBytes}); }
  RowStore& get() { return *store; }
  void reopen() {
    database->flush();
    database.reset();
    database = open(SsdStart::kReopen);
    store = table();
  }
};

template <class Fixture>
class RowStores : public testing::Test {
 public:
  RowStore& store() { return fixture_.get(); }
  void reopen() { fixture_.reopen(); }
  void write(const RowBatch& batch) { store().write(batch.hashes, batch.rows); }

 private:
  Fixture fixture_;
};

using Implementations = testing::Types<InMemory, OnSsd>;
TYPED_TEST_SUITE(RowStores, Implementations);

RowBatch batch_of(const std::set<uint64_t>& keys, uint64_t version = 0) {
  return make_batch(keys, version, kRowBytes);
}

TYPED_TEST(RowStores, AnEmptyOneHasNothing) {
  EXPECT_TRUE(read_rows(this->store(), some_keys(1, 100)).empty());
  EXPECT_TRUE(scan_rows(this->store()).empty());
}

TYPED_TEST(RowStores, EmptyBatchesAreFine) {
  this->write({});
  this->store().erase({});
  this->store().read({}, {}, {});
}

TYPED_TEST(RowStores, WrittenRowsAreReadAndAbsentOnesAreNot) {
  const auto keys = some_keys(1, 1000);
  this->write(batch_of(keys));
  EXPECT_EQ(read_rows(this->store(), keys), rows_of(batch_of(keys)));
  EXPECT_TRUE(read_rows(this->store(), some_keys(2, 1000)).empty());
}

TYPED_TEST(RowStores, ReadLeavesRowsOfAbsentKeysAlone) {
  this->write(batch_of({5}));
  const std::vector<uint64_t> hashes = {4, 5, 6};
  std::vector<std::byte> rows(3 * kRowBytes, std::byte{42});
  std::vector<uint8_t> found(3);
  this->store().read(hashes, rows, found);
  EXPECT_EQ(found, (std::vector<uint8_t>{0, 1, 0}));
  EXPECT_EQ(rows[0], std::byte{42});
  EXPECT_EQ(rows[3 * kRowBytes - 1], std::byte{42});
}

TYPED_TEST(RowStores, AllKeysAreOrdinary) {
  const std::set<uint64_t> keys = {0, 1, kLastKey / 2, kLastKey / 2 + 1, kLastKey - 1, kLastKey};
  this->write(batch_of(keys));
  EXPECT_EQ(read_rows(this->store(), keys), rows_of(batch_of(keys)));
  EXPECT_EQ(scan_rows(this->store()), rows_of(batch_of(keys)));
  const std::vector<uint64_t> ends = {0, kLastKey};
  this->store().erase(ends);
  EXPECT_EQ(scan_rows(this->store()).size(), 4U);
}

TYPED_TEST(RowStores, TheLastWriteOfAKeyCounts) {
  const auto keys = some_keys(1, 500);
  this->write(batch_of(keys, 1));
  this->write(batch_of(keys, 2));
  EXPECT_EQ(read_rows(this->store(), keys), rows_of(batch_of(keys, 2)));
  EXPECT_EQ(scan_rows(this->store()), rows_of(batch_of(keys, 2)));
}

TYPED_TEST(RowStores, ErasedKeysAreGoneAndMayComeBack) {
  const auto keys = some_keys(1, 500);
  const std::vector<uint64_t> hashes(keys.begin(), keys.end());
  this->write(batch_of(keys, 1));
  this->store().erase(hashes);
  this->store().erase(hashes);
  EXPECT_TRUE(read_rows(this->store(), keys).empty());
  EXPECT_TRUE(scan_rows(this->store()).empty());
  this->write(batch_of(keys, 2));
  EXPECT_EQ(read_rows(this->store(), keys), rows_of(batch_of(keys, 2)));
}

TYPED_TEST(RowStores, ASnapshotShowsOneMoment) {
  const auto keys = some_keys(1, 2000);
  this->write(batch_of(keys, 1));
  const auto snapshot = this->store().snapshot();
  this->write(batch_of(keys, 2));
  this->write(batch_of(some_keys(2, 2000), 1));
  this->store().erase(std::vector<uint64_t>{*keys.begin()});
  EXPECT_EQ(scan_rows(*snapshot), rows_of(batch_of(keys, 1)));
}

TYPED_TEST(RowStores, EveryRowIsThereAfterReopening) {
  const auto keys = some_keys(1, 3000);
  this->write(batch_of(keys));
  this->reopen();
  EXPECT_EQ(read_rows(this->store(), keys), rows_of(batch_of(keys)));
  EXPECT_EQ(scan_rows(this->store()), rows_of(batch_of(keys)));
}

TYPED_TEST(RowStores, ManyThreadsReadWhileOneWrites) {
  const auto keys = some_keys(1, 500);
  std::vector<Rows> editions;
  for (uint64_t version = 0; version < 30; ++version) {
    editions.push_back(rows_of(batch_of(keys, version)));
  }
  this->write(batch_of(keys, 0));
  std::atomic<bool> done{false};
  std::atomic<int64_t> wrong{0};
  std::vector<std::jthread> readers;
  for (int t = 0; t < 4; ++t) {
    readers.emplace_back([&] {
      while (!done) {
        for (const auto& [h, row] : read_rows(this->store(), keys)) {
          bool known = false;
          for (const Rows& edition : editions) known |= edition.at(h) == row;
          if (!known) ++wrong;
        }
      }
    });
  }
  for (uint64_t version = 1; version < 30; ++version) this->write(batch_of(keys, version));
  done = true;
  readers.clear();
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(read_rows(this->store(), keys), editions.back());
}

TYPED_TEST(RowStores, ARandomHistoryIsThatOfAMap) {
  const uint64_t seed = 20260101;
  SCOPED_TRACE(seed);
  MemoryRowStore oracle(kRowBytes);
  const CounterRng rng{seed};
  const auto universe = some_keys(3, 600);
  const std::vector<uint64_t> all(universe.begin(), universe.end());
  for (uint64_t step = 0; step < 150; ++step) {
    std::set<uint64_t> keys;
    for (uint64_t i = 0; i < 60; ++i) keys.insert(all[rng.below(step * 64 + i, all.size())]);
    const uint64_t what = rng.below(step * 64 + 63, 10);
    const RowBatch batch = batch_of(keys, step);
    if (what < 5) {
      this->store().write(batch.hashes, batch.rows);
      oracle.write(batch.hashes, batch.rows);
    } else if (what < 7) {
      this->store().erase(batch.hashes);
      oracle.erase(batch.hashes);
    } else if (what < 9) {
      ASSERT_EQ(read_rows(this->store(), keys), read_rows(oracle, keys)) << step;
    } else if (step % 3 == 0) {
      this->reopen();
    }
  }
  EXPECT_EQ(scan_rows(this->store()), scan_rows(oracle));
}

}  // namespace
}  // namespace strata::storage
