#include "storage/ssd_database.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/error_of.h"
#include "tests/sanitized.h"
#include "tests/storage/ssd_fixture.h"

namespace strata::storage {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class Ssd : public testing::Test, public SsdFixture {};

TEST_F(Ssd, FreshRemovesWhatATierLeft) {
  open(SsdStart::kFresh);
  write(some_keys(1, 100));
  database->flush();
  open(SsdStart::kFresh);
  EXPECT_TRUE(database->tables().empty());
  EXPECT_TRUE(scan_rows(table()).empty());
}

TEST_F(Ssd, FreshRefusesADirectoryThatIsNotATier) {
  std::filesystem::create_directory(path);
  std::ofstream(path + "/thesis.tex") << "x";
  const Error error = error_of([&] { open(SsdStart::kFresh); });
  EXPECT_EQ(error.code(), ErrorCode::kConfig);
  EXPECT_THAT(error.what(), HasSubstr("thesis.tex"));
  EXPECT_EQ(listing().size(), 1U);
}

TEST_F(Ssd, FreshLeavesFilesBesideATierAlone) {
  open(SsdStart::kFresh);
  std::ofstream(path + "/notes") << "x";
  open(SsdStart::kFresh);
  EXPECT_TRUE(std::filesystem::exists(path + "/notes"));
}

TEST_F(Ssd, NothingToReopenIsMissing) {
  EXPECT_EQ(error_of([&] { open(SsdStart::kReopen); }).code(), ErrorCode::kMissing);
  std::filesystem::create_directory(path);
  EXPECT_EQ(error_of([&] { open(SsdStart::kReopen); }).code(), ErrorCode::kMissing);
}

TEST_F(Ssd, OneProcessAtATime) {
  open(SsdStart::kFresh);
  EXPECT_THAT(error_of([&] { SsdDatabase(config(), SsdStart::kReopen); }).what(),
              HasSubstr("in use"));
}

TEST_F(Ssd, TooLittleMemoryIsRefused) {
  SsdConfig little = config();
  little.memory = 1 << 20;
  EXPECT_EQ(error_of([&] { SsdDatabase(little, SsdStart::kFresh); }).code(), ErrorCode::kConfig);
}

TEST_F(Ssd, TablesAreApart) {
  open(SsdStart::kFresh);
  SsdTable& wide = database->table({.name = "C10", .row_bytes = 264});
  const RowBatch batch = make_batch(some_keys(1, 300), 1, 264);
  wide.write(batch.hashes, batch.rows);
  write(some_keys(1, 300), 2);
  EXPECT_EQ(scan_rows(wide), rows_of(batch));
  EXPECT_EQ(scan_rows(table()), expected(some_keys(1, 300), 2));
  EXPECT_THAT(database->tables(), ElementsAre("C10", "C3"));
  database->flush();
  open(SsdStart::kReopen);
  EXPECT_THAT(database->tables(), ElementsAre("C10", "C3"));
  EXPECT_EQ(scan_rows(table()), expected(some_keys(1, 300), 2));
}

TEST_F(Ssd, ATableOfAnotherWidthIsRefused) {
  open(SsdStart::kFresh);
  table();
  const Error error = error_of([&] { database->table({.name = "C3", .row_bytes = 80}); });
  EXPECT_EQ(error.code(), ErrorCode::kConfig);
  EXPECT_THAT(error.what(), HasSubstr("'C3'"));
}

TEST_F(Ssd, DroppedAndClearedTablesLoseRowsAndFiles) {
  open(SsdStart::kFresh);
  write(some_keys(1, 3000));
  database->flush();
  table().clear();
  EXPECT_TRUE(scan_rows(table()).empty());
  write(some_keys(2, 10));
  EXPECT_EQ(scan_rows(table()), expected(some_keys(2, 10)));
  database->drop("C3");
  EXPECT_TRUE(database->tables().empty());
  EXPECT_TRUE(scan_rows(table()).empty());
  EXPECT_EQ(database->usage().disk_bytes, 0);
}

TEST_F(Ssd, LoadedRowsReplaceWrittenOnes) {
  open(SsdStart::kFresh);
  write({1, 2, 3}, 1);
  const auto loaded = some_keys(1, 5000);
  const RowBatch batch = make_batch(loaded, 2, kSsdRowBytes);
  auto loader = table().load();
  const size_t half = batch.hashes.size() / 2;
  loader->append(std::span(batch.hashes).first(half),
                 std::span(batch.rows).first(half * kSsdRowBytes));
  loader->append(std::span(batch.hashes).subspan(half),
                 std::span(batch.rows).subspan(half * kSsdRowBytes));
  loader->finish();
  const RowBatch low = make_batch({2}, 2, kSsdRowBytes);
  loader = table().load();
  loader->append(low.hashes, low.rows);
  loader->finish();
  loader.reset();
  Rows want = expected(loaded, 2);
  want.merge(expected({1, 3}, 1));
  want.merge(expected({2}, 2));
  EXPECT_EQ(scan_rows(table()), want);
  EXPECT_EQ(read_rows(table(), loaded), expected(loaded, 2));
  open(SsdStart::kReopen);  // what was loaded needs no flush
  EXPECT_EQ(read_rows(table(), loaded), expected(loaded, 2));
}

TEST_F(Ssd, AnUnfinishedLoaderLeavesNothing) {
  open(SsdStart::kFresh);
  const RowBatch batch = make_batch(some_keys(1, 100), 2, kSsdRowBytes);
  table().load()->append(batch.hashes, batch.rows);
  EXPECT_TRUE(scan_rows(table()).empty());
  EXPECT_TRUE(std::filesystem::is_empty(path + "/loading"));
}

TEST_F(Ssd, SpaceIsThatOfTheLiveRowsAfterCompaction) {
  open(SsdStart::kFresh);
  const auto keys = some_keys(1, 50'000);
  for (uint64_t version = 0; version < 4; ++version) {
    write(keys, version);
    database->flush();
  }
  const std::set<uint64_t> erased(keys.begin(), std::next(keys.begin(), 25'000));
  table().erase(std::vector<uint64_t>(erased.begin(), erased.end()));
  table().compact({});
  EXPECT_LE(table().usage().disk_bytes, 1.5 * 25'000 * kSsdRowBytes);
  EXPECT_EQ(scan_rows(table()).size(), 25'000U);
}

TEST_F(Ssd, CompactionRemovesErasedBytes) {
  open(SsdStart::kFresh);
  write(some_keys(1, 2000), 7);
  table().compact({});  // into the last level
  const uint64_t h = *std::next(some_keys(1, 2000).begin(), 1000);
  const Rows row = expected({h}, 7);
  const std::string bytes(reinterpret_cast<const char*>(row.at(h).data()), 16);
  const auto on_disk = [&] {
    for (const auto& file : files(".sst")) {
      std::ifstream stream(file, std::ios::binary);
      const std::string content{std::istreambuf_iterator<char>(stream), {}};
      if (content.find(bytes) != std::string::npos) return true;
    }
    return false;
  };
  ASSERT_TRUE(on_disk());
  table().erase(std::vector<uint64_t>{h});
  table().compact({h, h});
  EXPECT_FALSE(on_disk());
}

TEST_F(Ssd, UsageCounts) {
  open(SsdStart::kFresh);
  write(some_keys(1, 1000));
  database->flush();
  read_rows(table(), some_keys(1, 500));
  read_rows(table(), some_keys(9, 300));
  const RowStoreUsage usage = table().usage();
  EXPECT_EQ(usage.reads, 800);
  EXPECT_EQ(usage.hits, 500);
  EXPECT_EQ(usage.bytes_read, 500 * kSsdRowBytes);
  EXPECT_EQ(usage.bytes_written, 1000 * kSsdRowBytes);
  EXPECT_GE(usage.disk_bytes, 1000 * kSsdRowBytes);
  const SsdUsage all = database->usage();
  EXPECT_GE(all.flush_bytes, 1000 * kSsdRowBytes);
  EXPECT_GE(all.device_bytes_written, all.flush_bytes);
  EXPECT_GT(all.device_bytes_read, 0);
  EXPECT_TRUE(all.writable);
}

TEST_F(Ssd, TheDiskBudgetHolds) {
  SsdConfig tight = config();
  tight.bytes = 8 << 20;
  database = std::make_unique<SsdDatabase>(tight, SsdStart::kFresh);
  const Error error = error_of([&] {
    for (uint64_t round = 0; round < 100; ++round) write(some_keys(round, 10'000));
  });
  EXPECT_EQ(error.code(), ErrorCode::kIo);
  EXPECT_THAT(error.what(), HasSubstr("ssd.bytes"));
  EXPECT_EQ(read_rows(table(), some_keys(1, 1000)), expected(some_keys(1, 1000)));
}

/// Memory of this process that is not of files: those of libraries come as their code is used.
int64_t anonymous_bytes() {
  std::ifstream file("/proc/self/statm");
  int64_t pages = 0, resident = 0, shared = 0;
  file >> pages >> resident >> shared;
  return (resident - shared) * ::sysconf(_SC_PAGESIZE);
}

TEST_F(Ssd, MemoryStaysWithinItsBound) {
  if (kSanitized) GTEST_SKIP() << "sanitizers have memory of their own";
  SsdConfig bounded = config();
  bounded.memory = 64 << 20;
  bounded.read_threads = SsdConfig().read_threads;
  bounded.background_threads = SsdConfig().background_threads;
  const int64_t before = anonymous_bytes();
  int64_t most = 0;
  database = std::make_unique<SsdDatabase>(bounded, SsdStart::kFresh);
  for (uint64_t round = 0; round < 60; ++round) {  // 280 MB, five times over the memory
    write(some_keys(round, 65'536));
    if (round >= 3) read_rows(table(), some_keys(round / 2, 2048));
    most = std::max(most, anonymous_bytes() - before);
    ASSERT_LE(database->usage().memory_bytes, bounded.memory) << round;
  }
  EXPECT_LE(most, bounded.memory + (10 << 20));  // what the test itself holds
}

}  // namespace
}  // namespace strata::storage
