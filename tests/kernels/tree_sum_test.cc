#include "kernels/tree_sum.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/check.h"
#include "tests/kernels/row_arena.h"

namespace strata::kernels {
namespace {

using Leaves = std::vector<std::vector<float>>;

/// The law, literally: split at the largest power of two, skip what is absent.
const std::vector<float>* oracle(const Leaves& leaves, size_t begin, size_t width,
                                 std::vector<std::vector<float>>& keep) {
  if (begin >= leaves.size()) return nullptr;
  if (width == 1) return leaves[begin].empty() ? nullptr : &leaves[begin];
  const auto* a = oracle(leaves, begin, width / 2, keep);
  const auto* b = oracle(leaves, begin + width / 2, width / 2, keep);
  if (!a || !b) return a ? a : b;
  std::vector<float> sum(a->size());
  for (size_t i = 0; i < sum.size(); ++i) sum[i] = (*a)[i] + (*b)[i];
  keep.push_back(std::move(sum));
  return &keep.back();
}

std::vector<const float*> pointers(const Leaves& leaves) {
  std::vector<const float*> out;
  for (const auto& leaf : leaves) out.push_back(leaf.empty() ? nullptr : leaf.data());
  return out;
}

TEST(TreeSum, EqualsTheLawForEveryPatternOfAbsentLeaves) {
  for (size_t count : {1, 2, 3, 5, 8}) {
    for (uint32_t present = 0; present < (1u << count); ++present) {
      Leaves leaves(count);
      for (size_t l = 0; l < count; ++l) {
        if (present >> l & 1) leaves[l] = random_floats(l, 33);
      }
      std::vector<float> out(33, -9.0f);
      const bool any = tree_sum(pointers(leaves), 33, out.data());
      std::vector<std::vector<float>> keep;
      keep.reserve(64);
      const auto* want = oracle(leaves, 0, std::bit_ceil(count), keep);
      ASSERT_EQ(any, want != nullptr);
      ASSERT_EQ(out, want ? *want : std::vector<float>(33, -9.0f)) << count << " " << present;
    }
  }
}

TEST(TreeSum, SplittingTheColumnsChangesNoBit) {
  for (size_t count : {2, 7, 16, 64}) {
    for (int64_t n : {0, 1, 31, 512, 513, 5000}) {
      Leaves leaves(count);
      for (size_t l = 0; l < count; ++l) leaves[l] = random_floats(l + 7, n + 1);
      const auto all = pointers(leaves);
      std::vector<float> whole(n), split(n);
      tree_sum(all, n, whole.data());
      for (int64_t begin = 0; begin < n; begin += 700) {
        auto part = all;
        for (auto& p : part) p += begin;
        tree_sum(part, std::min<int64_t>(700, n - begin), split.data() + begin);
      }
      EXPECT_EQ(split, whole);
    }
  }
}

TEST(TreeSum, MayWriteIntoALeaf) {
  for (size_t target : {0, 3, 6}) {
    Leaves leaves(7);
    for (size_t l = 0; l < 7; ++l) leaves[l] = random_floats(l, 1200);
    std::vector<float> want(1200);
    tree_sum(pointers(leaves), 1200, want.data());
    tree_sum(pointers(leaves), 1200, leaves[target].data());
    EXPECT_EQ(leaves[target], want);
  }
}

TEST(TreeSum, ScalarsFollowTheSameTree) {
  const std::vector<std::optional<double>> leaves = {1e16, 1.0, std::nullopt, -1e16, 3.0};
  EXPECT_EQ(tree_sum(leaves), ((1e16 + 1.0) + -1e16) + 3.0);
  EXPECT_EQ(tree_sum(std::vector<std::optional<double>>(4)), std::nullopt);
  EXPECT_EQ(tree_sum(std::vector<std::optional<double>>{}), std::nullopt);
}

TEST(TreeSum, RefusesMoreLeavesThanABatchMayHave) {
  const std::vector<const float*> leaves(kMaxLeaves + 1, nullptr);
  EXPECT_THROW(tree_sum(leaves, 1, nullptr), CheckFailure);
}

}  // namespace
}  // namespace strata::kernels
