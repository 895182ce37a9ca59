#include "train/memory_limit.h"

#include <gtest/gtest.h>

namespace strata::train {
namespace {

constexpr int64_t kMachine = 1000 << 20;

TEST(MemoryLimit, SharesAndSizes) {
  EXPECT_EQ(parse_memory_limit("80%", kMachine), 800 << 20);
  EXPECT_EQ(parse_memory_limit("12.5 %", kMachine), 125 << 20);
  EXPECT_EQ(parse_memory_limit("16GiB", kMachine), int64_t{16} << 30);
  EXPECT_EQ(parse_memory_limit("512MiB", kMachine), 512 << 20);
  EXPECT_EQ(parse_memory_limit("1.5G", kMachine), int64_t{3} << 29);
  EXPECT_EQ(parse_memory_limit("64k", kMachine), 64 << 10);
  EXPECT_EQ(parse_memory_limit("1000000", kMachine), 1'000'000);
}

TEST(MemoryLimit, NonsenseIsRefusedByName) {
  for (const char* text : {"", "0", "-1GiB", "101%", "0%", "80 percent", "GiB", "nan", "inf",
                           "1e40", "5 apples", "%"}) {
    try {
      parse_memory_limit(text, kMachine);
      FAIL() << text;
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::kConfig);
      EXPECT_NE(std::string(e.what()).find("memory.limit"), std::string::npos) << e.what();
    }
  }
}

TEST(MemoryLimit, ThisProcessUsesSomethingOfThisMachine) {
  EXPECT_GT(resident_bytes(), 1 << 20);
  EXPECT_GT(machine_memory_bytes(), resident_bytes());
}

TEST(MemoryLimit, BytesForPeople) {
  EXPECT_EQ(format_bytes(17), "17 B");
  EXPECT_EQ(format_bytes(1536), "1.5 KiB");
  EXPECT_EQ(format_bytes(int64_t{8} << 30), "8.0 GiB");
}

}  // namespace
}  // namespace strata::train
