#include "storage/json_integer.h"

#include <gtest/gtest.h>

#include <cstdint>

namespace strata::storage {
namespace {

using nlohmann::json;

TEST(JsonInteger, GivesWhatFits) {
  EXPECT_EQ(json_integer<int64_t>(json(-5)), -5);
  EXPECT_EQ(json_integer<uint64_t>(json(UINT64_MAX)), UINT64_MAX);
}

TEST(JsonInteger, RefusesWhatACastWouldBend) {
  EXPECT_THROW(json_integer<int64_t>(json(4.06667e71)), Error);
  EXPECT_THROW(json_integer<int64_t>(json(1.5)), Error);
  EXPECT_THROW(json_integer<int64_t>(json(UINT64_MAX)), Error);
  EXPECT_THROW(json_integer<uint64_t>(json(-1)), Error);
  EXPECT_THROW(json_integer<int>(json(int64_t{1} << 40)), Error);
  EXPECT_THROW(json_integer<int>(json("7")), Error);
}

}  // namespace
}  // namespace strata::storage
