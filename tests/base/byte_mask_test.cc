#include "base/byte_mask.h"

#include <gtest/gtest.h>

#include <string>

namespace strata {
namespace {

TEST(BytesEqual, EveryPlaceHasItsBit) {
  EXPECT_EQ(bytes_equal(std::string(64, '\t').data(), '\t'), ~uint64_t{0});
  for (const char other : {'\0', '\x08', '\n', '\x89', '\xff'}) {
    for (int place = 0; place < 64; ++place) {
      std::string text(64, other);
      text[static_cast<size_t>(place)] = '\t';
      EXPECT_EQ(bytes_equal(text.data(), '\t'), uint64_t{1} << place) << place;
    }
  }
}

}  // namespace
}  // namespace strata
