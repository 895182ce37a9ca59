#include "storage/ssd_sidecar.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/error_of.h"
#include "tests/storage/ssd_fixture.h"

namespace strata::storage {
namespace {

using testing::HasSubstr;

/// A tier with some history, closed.
class SsdSidecars : public testing::Test, public SsdFixture {
 protected:
  void SetUp() override {
    open(SsdStart::kFresh);
    table("another");
    for (uint64_t round = 0; round < 3; ++round) {
      write(some_keys(round, 2000));
      database->flush();
    }
    database.reset();
  }
  /// Expects a refusal that names `file` and leaves everything as it is.
  void expect_refused(const std::string& file) {
    const auto before = listing();
    const Error error = error_of([&] { open(SsdStart::kReopen); });
    EXPECT_EQ(error.code(), ErrorCode::kCorrupt) << error.what();
    EXPECT_THAT(error.what(), HasSubstr(file));
    EXPECT_EQ(listing(), before);
  }
  std::filesystem::path only(const std::string& part) const {
    const auto found = files(part);
    EXPECT_GE(found.size(), 1U) << part;
    return found.front();
  }
};

TEST_F(SsdSidecars, AnUntouchedDirectoryOpens) {
  open(SsdStart::kReopen);
  for (uint64_t round = 0; round < 3; ++round) {
    EXPECT_EQ(read_rows(table(), some_keys(round, 2000)), expected(some_keys(round, 2000)));
  }
  open(SsdStart::kReopen);
}

TEST_F(SsdSidecars, EveryCutOfTheManifestIsFound) {  // F22
  const auto manifest = only("MANIFEST-");
  const uintmax_t bytes = std::filesystem::file_size(manifest);
  ASSERT_GT(bytes, 200U);
  for (uintmax_t cut = 1; cut <= 200; ++cut) {
    std::filesystem::resize_file(manifest, bytes - cut);
    expect_refused("MANIFEST-");
  }
}

TEST_F(SsdSidecars, EveryFlippedBitOfTheManifestIsFound) {
  const auto manifest = only("MANIFEST-");
  const uintmax_t bytes = std::filesystem::file_size(manifest);
  for (uintmax_t at = 0; at < bytes; at += 1 + bytes / 40) {
    flip_bit(manifest, at);
    expect_refused("MANIFEST-");
    flip_bit(manifest, at);
  }
  open(SsdStart::kReopen);
}

TEST_F(SsdSidecars, ALongerManifestIsWhatADyingProcessHadBegun) {
  std::ofstream(only("MANIFEST-"), std::ios::app | std::ios::binary) << "\1\2\3";
  open(SsdStart::kReopen);
  EXPECT_EQ(read_rows(table(), some_keys(1, 2000)), expected(some_keys(1, 2000)));
}

TEST_F(SsdSidecars, ATruncatedSstIsFound) {  // F21
  const auto sst = only(".sst");
  std::filesystem::resize_file(sst, std::filesystem::file_size(sst) - 1);
  expect_refused(sst.filename());
}

TEST_F(SsdSidecars, AMissingSstIsFound) {
  const auto sst = only(".sst");
  std::filesystem::remove(sst);
  expect_refused(sst.filename());
}

TEST_F(SsdSidecars, ALostOrStaleCurrentIsFound) {  // F23
  std::filesystem::remove(path + "/rocksdb/CURRENT");
  expect_refused("CURRENT");
  std::ofstream(path + "/rocksdb/CURRENT") << "MANIFEST-000001\n";
  expect_refused("CURRENT");
}

TEST_F(SsdSidecars, ALostOrDamagedRecordIsFound) {
  const std::filesystem::path sidecar = path + "/sidecar.json";
  flip_bit(sidecar, std::filesystem::file_size(sidecar) / 2);
  expect_refused("sidecar.json");
  std::filesystem::remove(sidecar);
  expect_refused("sidecar.json");
}

TEST_F(SsdSidecars, AProcessThatDiesAtAnyMomentLeavesARecordThatHolds) {
  TemporaryFolder copies;
  int taken = 0;
  const auto copy = [&](const SsdFileCall& call) {
    const bool changes = call.call != SsdCall::kRead && call.call != SsdCall::kLook;
    if (changes && ++taken % 5 == 0) {
      std::error_code ignored;  // files of the next compaction may go meanwhile
      std::filesystem::copy(path, copies.path_of(std::to_string(taken)),
                            std::filesystem::copy_options::recursive, ignored);
    }
    return SsdFault{};
  };
  std::mutex one;
  open(SsdStart::kReopen, [&](const SsdFileCall& call) {
    const std::lock_guard lock(one);
    return copy(call);
  });
  write(some_keys(3, 2000));
  database->flush();
  table().compact({});
  database.reset();
  int opened = 0;
  for (const auto& entry : std::filesystem::directory_iterator(copies.path())) {
    SsdConfig there = config();
    there.path = entry.path();
    try {
      SsdDatabase copied(there, SsdStart::kReopen);
      SsdTable& rows = copied.table({.name = "C3", .row_bytes = kSsdRowBytes});
      for (uint64_t round = 0; round < 3; ++round) {
        ASSERT_EQ(read_rows(rows, some_keys(round, 2000)), expected(some_keys(round, 2000)))
            << entry.path();
      }
      ++opened;
    } catch (const Error& e) {
      ADD_FAILURE() << entry.path() << ": " << e.what();
    }
  }
  EXPECT_GT(opened, 5);
}

}  // namespace
}  // namespace strata::storage
