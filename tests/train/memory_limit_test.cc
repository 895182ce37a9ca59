#include "train/memory_limit.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

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

TEST(MemoryLimit, ASetUpThatIsAboveItNamesTheSmallestThatWouldDo) {
  EXPECT_NO_THROW(MemoryLimit(resident_bytes() + (64 << 20)).check_setup());
  try {
    MemoryLimit(1 << 20).check_setup();
    FAIL();
  } catch (const MemoryLimitError& e) {
    EXPECT_EQ(e.code(), ErrorCode::kResource);
    const std::string text = e.what();
    const std::string before = "smallest memory.limit with room for one pass is ";
    ASSERT_NE(text.find(before), std::string::npos) << text;
    const std::string limit = text.substr(text.find(before) + before.size());
    const int64_t bytes = parse_memory_limit(limit.substr(0, limit.find('.')), kMachine);
    EXPECT_GT(bytes, resident_bytes());
    EXPECT_LT(bytes, resident_bytes() + (70 << 20));
    EXPECT_NE(text.find("memory.limit of 1.0 MiB"), std::string::npos) << text;
  }
}

TEST(MemoryLimit, AddressSpaceIsCheckedBeforeItIsRefused) {
  EXPECT_NO_THROW(require_address_space(1e15)) << "without ulimit -v there is no limit";
  const auto limited = [] {
    const rlimit limit{.rlim_cur = 1 << 20, .rlim_max = 1 << 20};
    setrlimit(RLIMIT_AS, &limit);
    try {
      require_address_space(0);
    } catch (const MemoryLimitError& e) {
      _exit(e.exit_code());
    }
    _exit(0);
  };
  EXPECT_EXIT(limited(), testing::ExitedWithCode(71), "");
}

TEST(MemoryLimit, BytesForPeople) {
  EXPECT_EQ(format_bytes(17), "17 B");
  EXPECT_EQ(format_bytes(1536), "1.5 KiB");
  EXPECT_EQ(format_bytes(int64_t{8} << 30), "8.0 GiB");
}

}  // namespace
}  // namespace strata::train
