#include "serving/directory.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "tests/storage/memory_file_system.h"

namespace strata::serving {
namespace {

/// Whether a manifest.json of that text is taken for another program's.
bool is_refused(std::string_view text) {
  storage::MemoryFileSystem files;
  storage::replace_file(files, std::string(storage::kManifestName), text);
  try {
    refuse_foreign(files);
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kMissing);
    return true;
  }
  return false;
}

TEST(Directory, AManifestThatSaysNothingOfStrataIsAnotherPrograms) {
  for (const char* text : {"{}", "[]", "null", "{\"name\": \"a page\"}", "{\"magic\": 7}",
                           "{\"magic\": \"other checkpoint\"}"}) {
    EXPECT_TRUE(is_refused(text)) << text;
  }
}

TEST(Directory, NoSingleDamageMakesOursAnotherPrograms) {
  const std::string ours =
      storage::to_text({.magic = std::string(storage::kExportMagic), .files = {}});
  for (size_t at = 0; at < ours.size(); ++at) {
    std::string damaged = ours;
    damaged[at] ^= 0x01;
    EXPECT_FALSE(is_refused(damaged)) << damaged;
    EXPECT_FALSE(is_refused(ours.substr(0, at))) << at;
  }
}

}  // namespace
}  // namespace strata::serving
