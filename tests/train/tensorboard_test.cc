#include "train/tensorboard.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace strata::train {
namespace {

std::string hex(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) text += fmt::format("{:02x}", static_cast<uint8_t>(c));
  return text;
}

TEST(TensorBoard, Crc32cOfTheStandardTestVectors) {  // RFC 3720, B.4
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8a9136aau);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62a8ab43u);
  EXPECT_EQ(crc32c("123456789"), 0xe3069283u);
  EXPECT_EQ(crc32c(""), 0u);
}

// The golden bytes were read back by tensorboard 2.21, EventAccumulator(file).Scalars(tag).
TEST(TensorBoard, HeaderBytes) {
  EXPECT_EQ(hex(tensorboard_header(1.5e9)),
            "1800000000000000a37f4b2209000000c00b5ad6411a0d627261696e2e4576656e743a324ca9a464");
}

TEST(TensorBoard, ScalarBytes) {
  EXPECT_EQ(hex(tensorboard_scalar(
                {.tag = "train/loss", .value = 0.4471, .step = 12'400, .wall_seconds = 1.5e9 + 1})),
            "2100000000000000017becf609000040c00b5ad64110f0602a130a110a0a747261696e2f6c6f7373154bea"
            "e43ebda4fdeb");
  EXPECT_EQ(
      hex(tensorboard_scalar(
          {.tag = "eval/auc", .value = 0.7893, .step = 300'000'000, .wall_seconds = 1.5e9 + 2})),
      "2200000000000000"
      "78113dfd09000080c00b5ad6411080c6868f012a110a0f0a086576616c2f61756315910f4a3fedf5b9e7");
}

}  // namespace
}  // namespace strata::train
