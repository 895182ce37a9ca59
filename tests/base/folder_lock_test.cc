#include "base/folder_lock.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "base/error.h"

namespace strata {
namespace {

namespace fs = std::filesystem;

TEST(FolderLock, OneHolderAtATime) {
  const fs::path folder = fs::path(testing::TempDir()) / "strata_folder_lock_test";
  fs::create_directories(folder);
  {
    const FolderLock first(folder.string(), "the first is there");
    try {
      const FolderLock second(folder.string(), "the first is there");
      ADD_FAILURE() << "two hold it";
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::kIo);
      EXPECT_NE(std::string(e.what()).find("the first is there"), std::string::npos) << e.what();
    }
  }
  EXPECT_NO_THROW(FolderLock(folder.string(), "nobody"));
  fs::remove_all(folder);
  EXPECT_THROW(FolderLock(folder.string(), "nobody"), Error) << "there is no such folder";
}

}  // namespace
}  // namespace strata
