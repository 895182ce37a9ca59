#include "train/run_folder.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/error.h"
#include "storage/publication.h"
#include "tests/error_of.h"
#include "tests/train/temporary_folder.h"

namespace strata::train {
namespace {

ErrorCode code_of(const std::string& path, StartMode mode) {
  try {
    RunFolder folder(path, mode);
  } catch (const Error& e) {
    return e.code();
  }
  return ErrorCode{0};
}

TEST(RunFolder, MakesItsParents) {
  const TemporaryFolder temporary;
  RunFolder folder(temporary.path_of("a/b/run"), StartMode::kNew);
  folder.write_text("env.json", "{}");
  EXPECT_EQ(read_file(temporary.path_of("a/b/run/env.json")), "{}");
}

TEST(RunFolder, ASecondRunIsRefusedUnlessAskedFor) {
  const TemporaryFolder temporary;
  const std::string path = temporary.path_of("run");
  EXPECT_EQ(code_of(path, StartMode::kResume), ErrorCode::kMissing);
  RunFolder(path, StartMode::kNew).write_text("config.resolved.yaml", "train: {}\n");
  EXPECT_EQ(code_of(path, StartMode::kNew), ErrorCode::kUsage);
  EXPECT_EQ(code_of(path, StartMode::kResume), ErrorCode{0});
  RunFolder folder(path, StartMode::kOverwrite);
  EXPECT_TRUE(holds_run(path)) << "until the new run can start";
  folder.remove_run();
  EXPECT_FALSE(holds_run(path));
}

TEST(RunFolder, ExportsAreNotTakenForARun) {
  const TemporaryFolder temporary;
  const auto files = storage::open_file_system(temporary.path(), storage::IfAbsent::kFail);
  storage::Publication version(*files, "v000001", std::string(storage::kExportMagic));
  version.publish({{"step", 1}});
  for (const StartMode mode : {StartMode::kNew, StartMode::kResume, StartMode::kOverwrite}) {
    EXPECT_EQ(code_of(temporary.path(), mode), ErrorCode::kUsage);
  }
  EXPECT_EQ(storage::read_current(*files), "v000001");
}

TEST(RunFolder, ACheckpointIsNotTakenForARun) {
  const TemporaryFolder temporary;
  const std::string run = temporary.path_of("run");
  const auto files = storage::open_file_system(run, storage::IfAbsent::kCreate);
  storage::Publication made(*files, "checkpoint-000001.step-7",
                            std::string(storage::kCheckpointMagic));
  made.write("config.resolved.yaml", "train: {}\n");
  made.publish({{"step", 7}});
  for (const std::string name : {"/checkpoint-000001.step-7", "/checkpoint-000001.step-7/"}) {
    for (const StartMode mode : {StartMode::kNew, StartMode::kResume, StartMode::kOverwrite}) {
      const Error error = error_of([&] { RunFolder folder(run + name, mode); });
      EXPECT_EQ(error.code(), ErrorCode::kUsage);
      EXPECT_NE(std::string(error.what()).find("--resume " + run + ","), std::string::npos)
          << error.what();
    }
  }
  EXPECT_TRUE(storage::verify_directory(*files, "checkpoint-000001.step-7", "").empty());
}

TEST(RunFolder, AFolderOfRunsNamesThem) {
  const TemporaryFolder temporary;
  RunFolder(temporary.path_of("first"), StartMode::kNew).write_text("config.resolved.yaml", "");
  const Error error = error_of([&] { RunFolder(temporary.path(), StartMode::kResume); });
  EXPECT_EQ(error.code(), ErrorCode::kMissing);
  EXPECT_NE(std::string(error.what()).find("--resume " + temporary.path_of("first")),
            std::string::npos)
      << error.what();
}

TEST(RunFolder, OverwriteLeavesWhatIsNotARun) {
  const TemporaryFolder temporary;
  const std::string path = temporary.path_of("run");
  RunFolder(path, StartMode::kNew).write_text("metrics.jsonl", "{}\n");
  write_file(path + "/notes.md", "mine");
  write_file(path + "/events.out.tfevents.0000000000.strata", "x");
  for (const char* mine : {"/mine", "/.tmp-mine", "/checkpoint-mine"}) {
    std::filesystem::create_directory(path + mine);
    write_file(path + mine + "/manifest.json", "{}");
  }
  RunFolder folder(path, StartMode::kOverwrite);
  folder.remove_run();
  EXPECT_FALSE(std::filesystem::exists(path + "/metrics.jsonl"));
  EXPECT_FALSE(std::filesystem::exists(path + "/events.out.tfevents.0000000000.strata"));
  EXPECT_EQ(read_file(path + "/notes.md"), "mine");
  for (const char* mine : {"/mine", "/.tmp-mine", "/checkpoint-mine"}) {
    EXPECT_TRUE(std::filesystem::exists(path + mine + "/manifest.json")) << mine;
  }
}

TEST(RunFolder, LeftoversGoAtTheNextStart) {
  const TemporaryFolder temporary;
  const std::string path = temporary.path_of("run");
  RunFolder(path, StartMode::kNew).write_text("config.resolved.yaml", "train: {}\n");
  const std::string leftover = path + "/" + storage::temporary_of("checkpoint-000001.step-1");
  std::filesystem::create_directory(leftover);
  const RunFolder folder(path, StartMode::kResume);
  EXPECT_FALSE(std::filesystem::exists(leftover));
}

TEST(RunFolder, TextsAreReplacedNotRewritten) {
  const TemporaryFolder temporary;
  RunFolder folder(temporary.path_of("run"), StartMode::kNew);
  folder.write_text("config.resolved.yaml", "old");
  const std::string old = temporary.path_of("old");
  std::filesystem::create_hard_link(folder.path_of("config.resolved.yaml"), old);
  folder.write_text("config.resolved.yaml", "new");
  EXPECT_EQ(read_file(folder.path_of("config.resolved.yaml")), "new");
  EXPECT_EQ(read_file(old), "old") << "a crash would have left half of it";
}

TEST(RunFolder, TwoProcessesDoNotShareIt) {
  const TemporaryFolder temporary;
  const std::string path = temporary.path_of("run");
  const RunFolder folder(path, StartMode::kNew);
  EXPECT_EQ(code_of(path, StartMode::kNew), ErrorCode::kIo);
}

TEST(RunFolder, EventFilesAreNumbered) {
  const TemporaryFolder temporary;
  RunFolder folder(temporary.path_of("run"), StartMode::kNew);
  EXPECT_TRUE(folder.next_events_path().ends_with("/events.out.tfevents.0000000000.strata"));
  write_file(folder.next_events_path(), "x");
  EXPECT_TRUE(folder.next_events_path().ends_with("/events.out.tfevents.0000000001.strata"));
}

TEST(RunFolder, APathThatCannotBeWrittenIsNamed) {
  try {
    RunFolder folder("/proc/strata", StartMode::kNew);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kIo);
    EXPECT_NE(std::string(e.what()).find("/proc/strata"), std::string::npos) << e.what();
  }
}

}  // namespace
}  // namespace strata::train
