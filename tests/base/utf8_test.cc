#include "base/utf8.h"

#include <gtest/gtest.h>

namespace strata {
namespace {

TEST(Utf8, OverlongFormsSurrogatesAndCutSequencesAreNone) {
  EXPECT_TRUE(is_utf8("plain text of more than eight bytes, été, 日本, \xf0\x9f\x98\x80"));
  for (const char* bad : {"\x80", "\xc0\xaf", "\xe0\x80\x80", "\xed\xa0\x80", "\xf4\x90\x80\x80",
                          "\xf5\x80\x80\x80", "abcdefg\xc3", "\xe2\x82", "\xff"}) {
    EXPECT_FALSE(is_utf8(bad)) << testing::PrintToString(bad);
  }
}

TEST(Utf8, LengthsOfSequences) {
  const std::string_view text = "aé日\xf0\x9f\x98\x80";
  EXPECT_EQ(utf8_length(text, 0), 1u);
  EXPECT_EQ(utf8_length(text, 1), 2u);
  EXPECT_EQ(utf8_length(text, 2), 0u);
  EXPECT_EQ(utf8_length(text, 3), 3u);
  EXPECT_EQ(utf8_length(text, 6), 4u);
}

}  // namespace
}  // namespace strata
