#include "storage/publication.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/storage/faulty_file_system.h"
#include "tests/storage/memory_file_system.h"

namespace strata::storage {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

void publish(FileSystem& files, const std::string& name, const std::string& content) {
  Publication publication(files, name, std::string(kCheckpointMagic));
  publication.write("rows/part-00000", content);
  publication.write("dense", content + content);
  publication.publish({{"step", 1}});
}

/// CURRENT names `name` or the newer one, and what it names is intact.
void expect_usable(const FileSystem& files, const std::string& older, const std::string& newer) {
  const auto current = read_current(files);
  ASSERT_TRUE(current);
  EXPECT_TRUE(*current == older || *current == newer) << *current;
  EXPECT_TRUE(verify_directory(files, *current, kCheckpointMagic).empty());
}

TEST(Publication, CurrentNamesTheLastOne) {
  MemoryFileSystem files;
  EXPECT_FALSE(read_current(files));
  publish(files, "c1", "one");
  publish(files, "c2", "two");
  EXPECT_EQ(read_current(files), "c2");
  EXPECT_THAT(list_published(files), ElementsAre("c1", "c2"));
  EXPECT_EQ(read_text(files, "c2/rows/part-00000", 10), "two");
}

TEST(Publication, AnAbandonedOneLeavesNothing) {
  MemoryFileSystem files;
  { Publication(files, "c1", "m").write("a", "b"); }
  EXPECT_TRUE(files.list("").empty());
}

TEST(Publication, APublishedNameIsNotOverwritten) {
  MemoryFileSystem files;
  publish(files, "c1", "one");
  EXPECT_THROW(publish(files, "c1", "two"), Error);
  EXPECT_EQ(read_text(files, "c1/rows/part-00000", 10), "one");
}

TEST(Publication, ManifestsCountRowsAndBytes) {
  MemoryFileSystem files;
  Publication publication(files, "c1", "m");
  auto part = publication.create("big");
  part->append(std::string(3'000'000, 'x'));
  part->append("y");
  part->add_rows(7);
  publication.close(std::move(part));
  publication.publish(nlohmann::ordered_json::object());
  const Manifest manifest = read_manifest(files, "c1", "m");
  EXPECT_EQ(manifest.files[0].bytes, 3'000'001);
  EXPECT_EQ(manifest.files[0].rows, 7);
  EXPECT_TRUE(verify_directory(files, "c1", "m").empty());
}

TEST(Publication, PowerLossAfterPublishLosesNothing) {
  MemoryFileSystem files;
  publish(files, "c1", "one");
  files.power_loss();
  EXPECT_EQ(read_current(files), "c1");
  EXPECT_TRUE(verify_directory(files, "c1", kCheckpointMagic).empty());
}

/// The failpoint walk: dies at every named point, with and without losing the page cache.
TEST(Publication, ACrashAtAnyPointKeepsAUsableCurrent) {
  for (const FailPoint point : all_fail_points()) {
    for (const bool power_loss : {false, true}) {
      SCOPED_TRACE(fail_point_name(point));
      MemoryFileSystem disk;
      publish(disk, "c1", "one");
      FaultyFileSystem files(disk);
      files.crash_at(point);
      try {
        publish(files, "c2", "two");
        remove_published(files, "c1");
      } catch (const SimulatedCrash&) {
      }
      const bool clean_up_only = point.step == DurableStep::kLeftoverRemove;
      EXPECT_EQ(files.crashed(), !clean_up_only) << "the point was not passed";
      if (power_loss) disk.power_loss();
      remove_leftovers(disk);
      expect_usable(disk, "c1", "c2");
      for (const Entry& entry : disk.list("")) EXPECT_FALSE(entry.name.starts_with(".tmp-"));
      publish(disk, "c3", "three");
      expect_usable(disk, "c3", "c3");
    }
  }
}

/// The i-th call fails, for i = 1 … until nothing fails any more.
TEST(Publication, NoSingleFailedCallLosesThePreviousOne) {
  for (const Fault fault :
       {Fault::kIoError, Fault::kNoSpace, Fault::kShortWrite, Fault::kInterrupt}) {
    int64_t call = 1;
    for (bool touched = true; touched; ++call) {
      MemoryFileSystem disk;
      publish(disk, "c1", "one");
      FaultyFileSystem files(disk);
      files.fail_at(call, fault);
      bool failed = false;
      try {
        publish(files, "c2", "two");
      } catch (const Error& e) {
        failed = true;
        EXPECT_EQ(e.code(), ErrorCode::kIo);
      }
      touched = files.calls() >= call;
      const bool harmless = fault == Fault::kShortWrite || fault == Fault::kInterrupt;
      EXPECT_FALSE(harmless && failed);
      expect_usable(disk, "c1", "c2");
      remove_leftovers(disk);
      EXPECT_TRUE(failed || read_current(disk) == "c2");
    }
    EXPECT_GT(call, 20);
  }
}

TEST(Publication, AFullDiskRemovesThePartialDirectory) {
  MemoryFileSystem disk;
  publish(disk, "c1", "one");
  FaultyFileSystem files(disk);
  files.fail_at(8, Fault::kNoSpace);
  EXPECT_THROW(publish(files, "c2", std::string(100, 'x')), Error);
  EXPECT_THAT(list_published(disk), ElementsAre("c1"));
  EXPECT_EQ(disk.list("").size(), 2u);
}

TEST(RemoveLeftovers, TakesOnlyWhatAPublicationWrote) {
  MemoryFileSystem files;
  files.make_directory(".tmp-mine", DurableStep::kTemporaryCreate);
  files.create(".tmp-mine/notes", DurableStep::kPartCreate);
  files.create(".tmp-c1", DurableStep::kPartCreate);
  files.create(".tmp-CURRENT", DurableStep::kPartCreate);
  files.make_directory(".tmp-removed-c1", DurableStep::kTemporaryCreate);
  files.make_directory(temporary_of("c1"), DurableStep::kTemporaryCreate);
  EXPECT_THAT(remove_leftovers(files), ElementsAre(temporary_of("c1")));
  EXPECT_EQ(list_tree(files, "").size(), 5u);
}

TEST(RemoveLeftovers, TheNameOfATemporaryIsNoOthers) {
  const std::string name = temporary_of("checkpoint-000001.step-7");
  EXPECT_TRUE(is_temporary(name));
  for (size_t at = 0; at < name.size(); ++at) {
    std::string other = name;
    other[at] ^= 1;
    EXPECT_FALSE(is_temporary(other)) << other;
    EXPECT_FALSE(is_temporary(name.substr(0, at)));
    EXPECT_FALSE(is_temporary(name.substr(at + 1)));
  }
}

TEST(ReadCurrent, EveryChangedBitIsSeen) {
  MemoryFileSystem files;
  publish(files, "c1", "one");
  publish(files, "c3", "three");
  const std::string text = files.content("CURRENT");
  for (size_t at = 0; at < text.size(); ++at) {
    for (int bit = 0; bit < 8; ++bit) {
      files.content("CURRENT") = text;
      files.content("CURRENT")[at] ^= static_cast<char>(1 << bit);
      EXPECT_THROW(read_current(files), Error) << at << " " << bit;
    }
  }
}

TEST(ReadCurrent, AMissingVersionIsNamed) {
  MemoryFileSystem files;
  publish(files, "c1", "one");
  remove_published(files, "c1");
  try {
    read_current(files);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kCorrupt);
    EXPECT_THAT(e.what(), HasSubstr("'c1', which is not there"));
  }
}

TEST(WriteCurrent, RollsBackToAnOlderOne) {
  MemoryFileSystem files;
  publish(files, "c1", "one");
  publish(files, "c2", "two");
  write_current(files, "c1");
  EXPECT_EQ(read_current(files), "c1");
}

}  // namespace
}  // namespace strata::storage
