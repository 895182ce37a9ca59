#include "base/output_file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "base/error.h"

namespace strata {
namespace {

namespace fs = std::filesystem;

std::string text_of(const fs::path& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

class OutputFileTest : public testing::Test {
 protected:
  void SetUp() override { fs::create_directories(folder_); }
  void TearDown() override { fs::remove_all(folder_); }

  std::string path(const char* name) const { return (folder_ / name).string(); }
  static void write(const std::string& path, std::string_view text) {
    OutputFile file(path);
    file.write(text);
    file.finish();
  }

  const fs::path folder_ = fs::path(testing::TempDir()) / "strata_output_file_test";
};

TEST_F(OutputFileTest, ReplacesAFileOnlyWhenItIsComplete) {
  write(path("out"), "first");
  {
    OutputFile second(path("out"));
    second.write("sec");
    EXPECT_EQ(text_of(path("out")), "first");
  }
  EXPECT_EQ(text_of(path("out")), "first");
  EXPECT_EQ(std::distance(fs::directory_iterator(folder_), {}), 1) << "nothing half-made remains";
  write(path("out"), "second");
  EXPECT_EQ(text_of(path("out")), "second");
}

TEST_F(OutputFileTest, ALinkStaysAndItsTargetIsWritten) {
  write(path("target"), "old");
  fs::create_symlink("target", path("link"));
  write(path("link"), "new");
  EXPECT_TRUE(fs::is_symlink(path("link")));
  EXPECT_EQ(text_of(path("target")), "new");
  fs::create_symlink("absent", path("dangling"));
  write(path("dangling"), "made");
  EXPECT_EQ(text_of(path("absent")), "made");
}

TEST_F(OutputFileTest, APipeIsWrittenIntoAndStays) {
  ASSERT_EQ(mkfifo(path("pipe").c_str(), 0600), 0);
  std::fstream reader(path("pipe"), std::ios::in | std::ios::out);  // both: opening does not wait
  write(path("pipe"), "rows\n");
  EXPECT_TRUE(fs::is_fifo(path("pipe")));
  std::string line;
  std::getline(reader, line);
  EXPECT_EQ(line, "rows");
}

TEST_F(OutputFileTest, ADeviceThatIsFullIsAnErrorAndStays) {
  if (!fs::is_character_file("/dev/full")) GTEST_SKIP() << "skipped: no /dev/full here";
  EXPECT_THROW(write("/dev/full", "x"), Error);
  EXPECT_TRUE(fs::is_character_file("/dev/full"));
}

TEST_F(OutputFileTest, ADirectoryIsRefusedBeforeAnythingIsWritten) {
  try {
    const OutputFile file(folder_.string());
    FAIL() << "took a directory";
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kIo);
    EXPECT_NE(std::string(e.what()).find(folder_.string()), std::string::npos) << e.what();
  }
}

}  // namespace
}  // namespace strata
