#include "storage/file_system.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/check.h"
#include "tests/error_of.h"
#include "tests/storage/faulty_file_system.h"
#include "tests/storage/memory_file_system.h"
#include "tests/temporary_folder.h"

namespace strata::storage {
namespace {

using testing::HasSubstr;

std::span<const std::byte> bytes(std::string_view text) { return std::as_bytes(std::span(text)); }

void write(FileSystem& files, const std::string& name, std::string_view text) {
  const auto file = files.create(name, DurableStep::kPartCreate);
  file->append(bytes(text));
  files.sync(*file, DurableStep::kPartSync);
}

template <class Fixture>
class FileSystems : public testing::Test {
 public:
  FileSystem& files() { return *fixture_.files; }

 private:
  Fixture fixture_;
};

struct Posix {
  TemporaryFolder folder;
  std::unique_ptr<FileSystem> files = open_file_system(folder.path(), IfAbsent::kFail);
};
struct Memory {
  std::unique_ptr<FileSystem> files = std::make_unique<MemoryFileSystem>();
};
struct Faulty {
  MemoryFileSystem memory;
  std::unique_ptr<FileSystem> files = std::make_unique<FaultyFileSystem>(memory);
};
using Fixtures = testing::Types<Posix, Memory, Faulty>;
TYPED_TEST_SUITE(FileSystems, Fixtures);

TYPED_TEST(FileSystems, WhatWasWrittenIsRead) {
  FileSystem& files = this->files();
  files.make_directory("a", DurableStep::kTemporaryCreate);
  write(files, "a/x", "hello");
  EXPECT_EQ(read_text(files, "a/x", 100), "hello");
  EXPECT_EQ(files.open("a/x")->bytes(), 5);
}

TYPED_TEST(FileSystems, ListIsSortedAndTellsKinds) {
  FileSystem& files = this->files();
  write(files, "b", "12");
  files.make_directory("a", DurableStep::kTemporaryCreate);
  const auto entries = files.list("");
  ASSERT_EQ(entries.size(), 2u);
  EXPECT_EQ(entries[0].name, "a");
  EXPECT_EQ(entries[0].kind, EntryKind::kDirectory);
  EXPECT_EQ(entries[1].bytes, 2);
}

TYPED_TEST(FileSystems, RenameReplacesAFile) {
  FileSystem& files = this->files();
  write(files, "old", "1");
  write(files, "new", "2");
  files.rename("new", "old", DurableStep::kCurrentRename);
  EXPECT_EQ(read_text(files, "old", 10), "2");
  EXPECT_FALSE(find_entry(files, "new"));
}

TYPED_TEST(FileSystems, CreateRefusesAnExistingName) {
  write(this->files(), "x", "1");
  EXPECT_EQ(error_of([&] { write(this->files(), "x", "2"); }).code(), ErrorCode::kIo);
}

TYPED_TEST(FileSystems, AbsentFilesAreMissing) {
  EXPECT_EQ(error_of([&] { this->files().open("x"); }).code(), ErrorCode::kMissing);
  EXPECT_FALSE(find_entry(this->files(), "a/b/c"));
}

TYPED_TEST(FileSystems, RemoveTreeRemovesEverythingAndToleratesAbsence) {
  FileSystem& files = this->files();
  files.make_directory("a", DurableStep::kTemporaryCreate);
  files.make_directory("a/b", DurableStep::kTemporaryCreate);
  write(files, "a/b/x", "1");
  remove_tree(files, "a", DurableStep::kLeftoverRemove);
  remove_tree(files, "a", DurableStep::kLeftoverRemove);
  EXPECT_TRUE(files.list("").empty());
}

TYPED_TEST(FileSystems, ReadingBeyondTheEndIsCorrupt) {
  write(this->files(), "x", "abc");
  std::byte out[8];
  EXPECT_EQ(error_of([&] { this->files().open("x")->read(0, out); }).code(), ErrorCode::kCorrupt);
}

TEST(FileSystem, UncleanNamesAreRefused) {
  MemoryFileSystem files;
  for (const char* name : {"/etc/passwd", "..", "a/../b", "a//b", "./a", "a/", "a/."}) {
    EXPECT_FALSE(is_clean_name(name)) << name;
    EXPECT_THROW(files.open(name), CheckFailure) << name;
  }
  EXPECT_TRUE(is_clean_name("tables/C3/part-00000.keys.npy"));
}

TEST(PosixFileSystem, SymbolicLinksAreNotFollowed) {
  TemporaryFolder folder;
  std::filesystem::create_directory(folder.path() + "/real");
  std::ofstream(folder.path() + "/real/x") << "secret";
  std::filesystem::create_symlink("real/x", folder.path() + "/link");
  std::filesystem::create_symlink("real", folder.path() + "/linked");
  const auto files = open_file_system(folder.path(), IfAbsent::kFail);
  EXPECT_EQ(error_of([&] { files->open("link"); }).code(), ErrorCode::kCorrupt);
  EXPECT_EQ(error_of([&] { files->open("linked/x"); }).code(), ErrorCode::kCorrupt);
  EXPECT_EQ(files->list("")[0].kind, EntryKind::kOther);
}

TEST(PosixFileSystem, AFifoIsRefusedWithoutWaiting) {
  TemporaryFolder folder;
  ASSERT_EQ(::mkfifo((folder.path() + "/fifo").c_str(), 0600), 0);
  const auto files = open_file_system(folder.path(), IfAbsent::kFail);
  EXPECT_EQ(error_of([&] { files->open("fifo"); }).code(), ErrorCode::kCorrupt);
}

TEST(PosixFileSystem, ErrorsNameThePathAndTheRemedy) {
  const Error denied = file_error("create", "/runs/a", EACCES);
  EXPECT_EQ(denied.code(), ErrorCode::kIo);
  EXPECT_THAT(denied.what(), HasSubstr("/runs/a"));
  EXPECT_THAT(denied.what(), HasSubstr("permissions"));
  EXPECT_THAT(file_error("write", "x", ENOSPC).what(), HasSubstr("free some space"));
}

TEST(PosixFileSystem, ChangesInAFolderThatWasRemovedAreFailedWrites) {
  const TemporaryFolder folder;
  const auto files = open_file_system(folder.path() + "/run", IfAbsent::kCreate);
  std::filesystem::remove(folder.path() + "/run");
  const auto expect_io = [](const auto& change) {
    const Error error = error_of(change);
    EXPECT_EQ(error.code(), ErrorCode::kIo);
    EXPECT_THAT(error.what(), HasSubstr("/run/a: not found"));
    EXPECT_THAT(error.what(), HasSubstr("was removed"));
  };
  expect_io([&] { files->create("a", DurableStep::kPartCreate); });
  expect_io([&] { files->make_directory("a", DurableStep::kTemporaryCreate); });
  expect_io([&] { files->rename("b", "a", DurableStep::kPublishRename); });
  expect_io([&] { files->sync_directory("a", DurableStep::kTemporarySync); });
  EXPECT_EQ(error_of([&] { files->open("a"); }).code(), ErrorCode::kMissing);
}

TEST(PosixFileSystem, AnAbsentRootIsMissingOrMade) {
  TemporaryFolder folder;
  const std::string root = folder.path() + "/a/b";
  EXPECT_EQ(error_of([&] { open_file_system(root, IfAbsent::kFail); }).code(), ErrorCode::kMissing);
  EXPECT_TRUE(open_file_system(root, IfAbsent::kCreate)->list("").empty());
}

TEST(PosixFileSystem, AFullDiskIsSaidBeforeStarting) {
  MemoryFileSystem files;
  files.set_available_bytes(1 << 20);
  require_space(files, 1 << 20, "a checkpoint");
  const Error e = error_of([&] { require_space(files, 3 << 20, "a checkpoint"); });
  EXPECT_EQ(e.code(), ErrorCode::kIo);
  EXPECT_THAT(e.what(), HasSubstr("3145728 bytes"));
  EXPECT_THAT(e.what(), HasSubstr("1048576 bytes"));
}

TEST(FaultyFileSystem, ShortWritesAndInterruptsAreContinued) {
  for (const Fault fault : {Fault::kShortWrite, Fault::kInterrupt}) {
    for (int64_t call = 1; call < 8; ++call) {
      MemoryFileSystem memory;
      FaultyFileSystem files(memory);
      files.fail_at(call, fault);
      write(files, "x", "hello world");
      EXPECT_EQ(read_text(files, "x", 100), "hello world");
    }
  }
}

TEST(MemoryFileSystem, PowerLossDropsWhatWasNotSynced) {
  MemoryFileSystem files;
  write(files, "kept", "1");
  files.sync_directory("", DurableStep::kPublishSync);
  write(files, "nameless", "2");
  files.create("empty", DurableStep::kPartCreate)->append(bytes("3"));
  files.power_loss();
  ASSERT_EQ(files.list("").size(), 1u);
  EXPECT_EQ(read_text(files, "kept", 10), "1");
}

TEST(FailPoints, NamesAreUniqueAndFoundAgain) {
  const auto points = all_fail_points();
  EXPECT_EQ(points.size(), 28u);
  for (const FailPoint point : points) {
    EXPECT_EQ(find_fail_point(fail_point_name(point)), point);
  }
  EXPECT_FALSE(find_fail_point("before nothing"));
}

}  // namespace
}  // namespace strata::storage
