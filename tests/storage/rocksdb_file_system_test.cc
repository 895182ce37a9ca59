// Faults in the files of the SSD tier: no wrong row, no crash, errors that name the path.

#include "storage/rocksdb_file_system.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>

#include <atomic>
#include <cerrno>
#include <thread>

#include "tests/error_of.h"
#include "tests/sanitized.h"
#include "tests/storage/ssd_fixture.h"

namespace strata::storage {
namespace {

using testing::AnyOf;
using testing::HasSubstr;

class SsdFaults : public testing::Test, public SsdFixture {};

/// A life of a tier; `durable` <- version of the rows that flush() vouched for.
void live(SsdFixture& tier, uint64_t& durable) {
  const auto keys = some_keys(1, 400);
  tier.table();
  for (uint64_t version = 1; version <= 2; ++version) {
    tier.write(keys, version);
    tier.database->flush();
    durable = version;
    EXPECT_EQ(read_rows(tier.table(), keys), SsdFixture::expected(keys, version));
  }
  const RowBatch batch = make_batch(some_keys(2, 400), 5, kSsdRowBytes);
  const auto loader = tier.table().load();
  loader->append(batch.hashes, batch.rows);
  loader->finish();
  tier.table().compact({});
  EXPECT_EQ(read_rows(tier.table(), keys), SsdFixture::expected(keys, 2));
}

/// Rows are what was written last, or what was written before; never anything else.
void expect_no_wrong_row(SsdFixture& tier, uint64_t durable) {
  const auto keys = some_keys(1, 400);
  const Rows rows = read_rows(tier.table(), keys);
  EXPECT_EQ(rows.size(), keys.size());
  for (const auto& [h, row] : rows) {
    bool known = false;
    for (uint64_t version = durable; version <= 2; ++version) {
      known |= SsdFixture::expected({h}, version).at(h) == row;
    }
    EXPECT_TRUE(known) << h;
  }
}

/// Runs the life with call `at` failing; false when it needed fewer calls.
bool survive(int64_t at, SsdFault fault) {
  SCOPED_TRACE(at);
  SsdFixture tier(Medium::kMemory);
  std::atomic<int64_t> calls{0};
  uint64_t durable = 0;
  const auto hook = [&](const SsdFileCall& call) {
    // RocksDB 7.8 reads the first key of a file that it takes over without asking whether it could.
    const bool unchecked =
        call.call == SsdCall::kRead && call.path.find("loading") != call.path.npos;
    if (unchecked || ++calls != at) return SsdFault{};
    return SsdFault{.error = fault.error, .bytes_written = call.bytes / 2};
  };
  try {
    tier.open(SsdStart::kFresh, hook);
    live(tier, durable);
  } catch (const Error& e) {
    EXPECT_THAT(e.what(), HasSubstr(tier.path));
    EXPECT_THAT(e.code(), AnyOf(ErrorCode::kIo, ErrorCode::kCorrupt)) << e.what();
  }
  if (tier.database && durable > 0) expect_no_wrong_row(tier, durable);
  tier.database.reset();
  try {
    tier.open(SsdStart::kReopen);
    if (durable > 0) expect_no_wrong_row(tier, durable);
  } catch (const Error& e) {
    EXPECT_THAT(e.what(), HasSubstr(tier.path));
  }
  return calls >= at;
}

/// Lets every `stride`-th call of a life fail; several at a time, since RocksDB waits a second
/// after each failure of a background thread. Returns how many calls a life has.
int64_t sweep(SsdFault fault, int64_t stride) {
  std::atomic<int64_t> next{1};
  std::vector<std::jthread> threads;
  for (int t = 0; t < 12; ++t) {
    threads.emplace_back([&] {
      while (!testing::Test::HasFailure() && survive(next.fetch_add(stride), fault)) {
      }
    });
  }
  threads.clear();
  return next;
}

TEST(SsdFaultSweep, NoFailedCallGivesAWrongRow) {
  EXPECT_GT(sweep({.error = EIO}, kSanitized ? 11 : 1), 100);
  EXPECT_GT(sweep({.error = ENOSPC}, kSanitized ? 23 : 2), 100);
}

TEST_F(SsdFaults, AFailedReadIsAnErrorAndTheNextOneIsNot) {
  const auto failing =
      std::make_shared<std::atomic<bool>>(false);  // the database outlives the test
  const auto keys = some_keys(1, 5000);
  open(SsdStart::kFresh, [failing](const SsdFileCall& call) {
    const bool fails = *failing && call.call == SsdCall::kRead;
    return SsdFault{.error = fails ? EIO : 0};
  });
  write(keys);
  database->flush();
  *failing = true;
  const Error error = error_of([&] { read_rows(table(), keys); });
  EXPECT_EQ(error.code(), ErrorCode::kIo);
  EXPECT_THAT(error.what(), HasSubstr(path));
  *failing = false;
  EXPECT_EQ(read_rows(table(), keys), expected(keys));
}

TEST_F(SsdFaults, AFullDiskRefusesWritesReadsOnAndRecovers) {  // F17
  std::atomic<bool> full{false};
  open(SsdStart::kFresh, [&](const SsdFileCall& call) {
    const bool fails = full && call.call == SsdCall::kWrite;
    return SsdFault{.error = fails ? ENOSPC : 0, .bytes_written = call.bytes / 2};
  });
  std::set<uint64_t> acknowledged = some_keys(0, 5000);
  write(acknowledged);
  database->flush();
  full = true;
  const Error error = error_of([&] {
    for (uint64_t round = 1; round < 200; ++round) {
      write(some_keys(round, 5000));
      acknowledged.merge(some_keys(round, 5000));
    }
  });
  EXPECT_EQ(error.code(), ErrorCode::kIo);
  EXPECT_THAT(error.what(), HasSubstr("free space"));
  EXPECT_FALSE(database->usage().writable);
  EXPECT_EQ(read_rows(table(), acknowledged), expected(acknowledged));
  full = false;
  const auto start = std::chrono::steady_clock::now();
  const auto late = [&] {
    return std::chrono::steady_clock::now() - start > std::chrono::seconds(30);
  };
  bool recovered = false;
  while (!recovered && !late()) {
    try {
      write(some_keys(777, 1000));
      recovered = true;
    } catch (const Error&) {
      std::this_thread::sleep_for(std::chrono::milliseconds(20));
    }
  }
  ASSERT_TRUE(recovered);
  database->flush();
  EXPECT_TRUE(database->usage().writable);
  acknowledged.merge(some_keys(777, 1000));
  EXPECT_EQ(read_rows(table(), acknowledged), expected(acknowledged));
  open(SsdStart::kReopen);
  EXPECT_EQ(read_rows(table(), acknowledged), expected(acknowledged));
}

/// Ends this process with 0 when `body` holds on a file system of its own at `path`, 77 when the
/// system gives us none.
template <class Body>
void on_own_disk(const std::string& path, unsigned long flags, Body body) {
  const bool mounted = ::unshare(CLONE_NEWNS) == 0 &&
                       ::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                       ::mount("none", path.c_str(), "tmpfs", flags, "size=32m") == 0;
  if (!mounted) std::_Exit(77);
  body();
  std::_Exit(testing::Test::HasFailure() ? 1 : 0);
}

bool zero_or_skip(int status) {
  return WIFEXITED(status) && (WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 77);
}

class SsdOwnDisk : public testing::Test, public SsdFixture {
 protected:
  void SetUp() override { testing::FLAGS_gtest_death_test_style = "threadsafe"; }
};

TEST_F(SsdOwnDisk, AFullFileSystemRefusesWritesReadsOnAndRecovers) {  // F17
  const auto body = [&] {
    std::filesystem::create_directory(path);
    SsdConfig there = config();
    there.direct_io = false;  // tmpfs has none
    std::ofstream(folder.path_of("filler")) << std::string(8 << 20, 'x');
    database = std::make_unique<SsdDatabase>(there, SsdStart::kFresh);
    std::set<uint64_t> acknowledged;
    EXPECT_THAT(error_of([&] {
                  for (uint64_t round = 1; round < 200; ++round) {
                    write(some_keys(round, 5000));
                    acknowledged.merge(some_keys(round, 5000));
                  }
                }).what(),
                HasSubstr("free space"));
    EXPECT_EQ(read_rows(table(), acknowledged), expected(acknowledged));
    std::filesystem::remove(folder.path_of("filler"));
    for (int attempt = 0; attempt < 300; ++attempt) {
      try {
        write(some_keys(777, 1000));
        break;
      } catch (const Error&) {
        std::this_thread::sleep_for(std::chrono::milliseconds(100));
      }
    }
    acknowledged.merge(some_keys(777, 1000));
    EXPECT_EQ(read_rows(table(), acknowledged), expected(acknowledged));
  };
  EXPECT_EXIT(on_own_disk(folder.path(), 0, body), zero_or_skip, "");
}

TEST_F(SsdOwnDisk, AReadOnlyFileSystemIsNamedAtStart) {  // F19
  const auto body = [&] {
    const Error error = error_of([&] { open(SsdStart::kFresh); });
    EXPECT_EQ(error.code(), ErrorCode::kIo);
    EXPECT_THAT(error.what(), HasSubstr(path));
  };
  EXPECT_EXIT(on_own_disk(folder.path(), MS_RDONLY, body), zero_or_skip, "");
}

TEST_F(SsdOwnDisk, WithoutDirectIoItSaysWhatToSet) {
  const auto body = [&] {
    try {
      open(SsdStart::kFresh);  // newer kernels have it on tmpfs
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::kConfig);
      EXPECT_THAT(e.what(), HasSubstr("direct_io"));
    }
  };
  EXPECT_EXIT(on_own_disk(folder.path(), 0, body), zero_or_skip, "");
}

TEST_F(SsdFaults, AFlippedBitOfAnSstIsAnErrorOrHarmless) {  // F20
  const auto keys = some_keys(1, 5000);
  open(SsdStart::kFresh);
  write(keys);
  table().compact({});
  database.reset();
  ASSERT_EQ(files(".sst").size(), 1U);
  const auto sst = files(".sst").front();
  const uintmax_t bytes = std::filesystem::file_size(sst);
  const std::vector<uint64_t> all(keys.begin(), keys.end());
  int damaged = 0, named = 0;
  const int flips = kSanitized ? 6 : 40;
  for (int i = 0; i < flips; ++i) {
    const uintmax_t at = bytes / flips * i + mix64(i) % (bytes / flips);
    flip_bit(sst, at);
    try {
      open(SsdStart::kReopen);
      for (size_t from = 0; from < all.size(); from += 50) {
        const std::set<uint64_t> some(all.begin() + from, all.begin() + from + 50);
        try {
          EXPECT_EQ(read_rows(table(), some), expected(some)) << at;
        } catch (const Error& e) {
          EXPECT_EQ(e.code(), ErrorCode::kCorrupt) << e.what();
          ++damaged;
        }
      }
      database->verify();
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::kCorrupt) << e.what();
      EXPECT_THAT(e.what(), HasSubstr(sst.filename().string()));
      ++named;
    }
    database.reset();
    flip_bit(sst, at);
  }
  EXPECT_GT(damaged, flips / 2);
  EXPECT_GT(named, flips / 2);
}

}  // namespace
}  // namespace strata::storage
