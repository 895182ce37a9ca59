#include "base/buffer.h"

#include <gtest/gtest.h>

#include <cstring>

#include "base/error.h"

namespace strata {
namespace {

TEST(AlignedVector, StartsOnACacheLine) {
  for (size_t n : {1, 3, 17, 1000}) {
    const AlignedVector<float> values(n);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(values.data()) % 64, 0u);
  }
}

TEST(HugeBuffer, IsZeroedAlignedAndRoundedUp) {
  const HugeBuffer buffer(5'000'000);
  EXPECT_EQ(buffer.bytes(), size_t{6} << 20);
  EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer.data()) % (size_t{2} << 20), 0u);
  for (size_t i = 0; i < buffer.bytes(); i += 4096) ASSERT_EQ(buffer.data()[i], std::byte{0});
  std::memset(buffer.data(), 1, buffer.bytes());
}

TEST(HugeBuffer, EmptyOwnsNothing) {
  EXPECT_EQ(HugeBuffer(0).data(), nullptr);
  EXPECT_EQ(HugeBuffer().bytes(), 0u);
}

TEST(HugeBuffer, MoveHandsTheMemoryOver) {
  HugeBuffer first(1);
  std::byte* data = first.data();
  HugeBuffer second(std::move(first));
  EXPECT_EQ(second.data(), data);
  EXPECT_EQ(first.data(), nullptr);  // NOLINT(bugprone-use-after-move): what is tested
  HugeBuffer third(1);
  third = std::move(second);
  EXPECT_EQ(third.data(), data);
}

TEST(HugeBuffer, RefusedMemoryIsAResourceError) {
  try {
    const HugeBuffer buffer(size_t{1} << 60);
    FAIL() << "an exbibyte was mapped";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kResource);
  }
}

}  // namespace
}  // namespace strata
