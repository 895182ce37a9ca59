#include "base/error.h"

#include <gtest/gtest.h>

#include "base/check.h"

namespace strata {
namespace {

TEST(Error, CarriesItsExitCodeAndFormatsItsMessage) {
  const Error error(ErrorCode::kMissing, "no file '{}' ({} tried)", "a.tsv", 2);
  EXPECT_STREQ(error.what(), "no file 'a.tsv' (2 tried)");
  EXPECT_EQ(error.exit_code(), 66);
}

TEST(Error, MessageWithBracesIsNotAFormat) {
  EXPECT_STREQ(Error(ErrorCode::kData, "{0} {").what(), "{0} {");
}

TEST(WithContext, PutsTheContextInFrontAndKeepsTheCode) {
  try {
    with_context("table C3", [] {
      with_context("row 7", [] { throw Error(ErrorCode::kCorrupt, "checksum"); });
    });
    FAIL() << "nothing thrown";
  } catch (const Error& error) {
    EXPECT_STREQ(error.what(), "table C3: row 7: checksum");
    EXPECT_EQ(error.code(), ErrorCode::kCorrupt);
  }
}

TEST(WithContext, ReturnsWhatTheBodyReturns) {
  EXPECT_EQ(with_context("x", [] { return 3; }), 3);
}

TEST(Check, FailureNamesFileConditionAndValues) {
  const int rows = 3;
  try {
    STRATA_CHECK(rows == 4, "rows", rows, 4);
    FAIL() << "nothing thrown";
  } catch (const CheckFailure& failure) {
    const std::string what = failure.what();
    EXPECT_NE(what.find("error_test.cc"), std::string::npos) << what;
    EXPECT_NE(what.find("rows == 4"), std::string::npos) << what;
    EXPECT_NE(what.find("(rows 3 4)"), std::string::npos) << what;
  }
}

}  // namespace
}  // namespace strata
