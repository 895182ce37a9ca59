#include "base/shipped.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <fstream>
#include <string>

namespace strata {
namespace {

namespace fs = std::filesystem;

/// Works in an empty folder: the one the tests are started from may hold configs/ itself.
class Shipped : public testing::Test {
 protected:
  void SetUp() override {
    fs::create_directories(share_ / "configs");
    std::ofstream(share_ / "configs" / "model.yaml") << "x";
    fs::create_directories(share_ / "empty");
    fs::current_path(share_ / "empty");
  }
  void TearDown() override {
    fs::current_path(before_);
    fs::remove_all(share_);
  }

  const fs::path before_ = fs::current_path();
  const fs::path share_ =
      fs::path(testing::TempDir()) / ("strata_shipped_test_" + std::to_string(getpid()));
};

TEST_F(Shipped, FileThatExistsOnlyInShareIsFoundThere) {
  EXPECT_EQ(shipped_path("configs/model.yaml", share_), (share_ / "configs/model.yaml").string());
  EXPECT_EQ(shipped_path("configs/*.yaml", share_), (share_ / "configs/*.yaml").string());
}

TEST_F(Shipped, FileOfTheCurrentFolderComesFirst) {
  const fs::path here = share_ / "here";
  fs::create_directories(here / "configs");
  std::ofstream(here / "configs" / "model.yaml") << "mine";
  fs::current_path(here);
  EXPECT_EQ(shipped_path("configs/model.yaml", share_), "configs/model.yaml");
  EXPECT_EQ(shipped_path("configs/*.yaml", share_), "configs/*.yaml");
}

TEST_F(Shipped, AbsentAndAbsolutePathsStayAsWritten) {
  EXPECT_EQ(shipped_path("configs/absent.yaml", share_), "configs/absent.yaml");
  EXPECT_EQ(shipped_path("/configs/model.yaml", share_), "/configs/model.yaml");
  EXPECT_EQ(shipped_path("*.yaml", "/nowhere"), "*.yaml");
}

TEST(ShareFolder, IsBesideTheFolderOfTheProgram) {
  const fs::path program = fs::read_symlink("/proc/self/exe");
  EXPECT_EQ(share_folder(), program.parent_path().parent_path() / "share" / "strata");
}

}  // namespace
}  // namespace strata
