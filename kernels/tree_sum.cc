// The tree over the present leaves becomes a list of additions between numbered operands once per
// call; every block of columns then runs that list in L1.

#include "kernels/tree_sum.h"

#include <cstring>
#include <vector>

#include "base/check.h"
#include "base/isa.h"
#include "kernels/lanes.h"

namespace strata::kernels {
namespace {

constexpr int64_t kBlock = 512;  // floats; a partial sum per tree level stays in L1

/// An operand of an addition: a leaf, or a partial sum on the stack.
struct Operand {
  bool leaf = false;
  int index = 0;
};

struct Addition {
  Operand a, b;
  int to = 0;  // place on the stack
};

/// Appends the additions under `node` of `level`, leaving their sum at stack place `top`; nothing
/// when every leaf below is absent.
std::optional<Operand> plan(std::span<const float* const> leaves, int64_t node, int level, int top,
                            std::vector<Addition>& out) {
  const int64_t begin = node << level;
  if (begin >= static_cast<int64_t>(leaves.size())) return std::nullopt;
  if (level == 0) {
    if (!leaves[begin]) return std::nullopt;
    return Operand{.leaf = true, .index = static_cast<int>(begin)};
  }
  const auto a = plan(leaves, 2 * node, level - 1, top, out);
  const bool held = a && !a->leaf;
  const auto b = plan(leaves, 2 * node + 1, level - 1, held ? top + 1 : top, out);
  if (!a || !b) return a ? a : b;
  out.push_back({*a, *b, top});
  return Operand{.leaf = false, .index = top};
}

struct SumArgs {
  std::span<const float* const> leaves;
  std::span<const Addition> additions;
  int64_t n;
  float* out;
  float* partials;  // the stack: [levels + 1, kBlock]
};

struct SumKernel {
  STRATA_ALWAYS_INLINE static const float* at(const SumArgs& args, Operand x, int64_t begin) {
    return x.leaf ? args.leaves[x.index] + begin : args.partials + x.index * kBlock;
  }

  STRATA_ALWAYS_INLINE static void run(const SumArgs& args) {
    for (int64_t begin = 0; begin < args.n; begin += kBlock) {
      const int64_t count = args.n - begin < kBlock ? args.n - begin : kBlock;
      for (size_t k = 0; k < args.additions.size(); ++k) {
        const Addition& add = args.additions[k];
        const float* a = at(args, add.a, begin);
        const float* b = at(args, add.b, begin);
        const bool last = k + 1 == args.additions.size();
        float* to = last ? args.out + begin : args.partials + add.to * kBlock;
        STRATA_INDEPENDENT_LOOP
        for (int64_t i = 0; i < count; ++i) to[i] = a[i] + b[i];
      }
    }
  }
};

int levels_of(size_t leaves) {
  int levels = 0;
  while ((size_t{1} << levels) < leaves) ++levels;
  return levels;
}

std::optional<double> sum_under(std::span<const std::optional<double>> leaves, int64_t node,
                                int level) {
  const int64_t begin = node << level;
  if (begin >= static_cast<int64_t>(leaves.size())) return std::nullopt;
  if (level == 0) return leaves[begin];
  const auto a = sum_under(leaves, 2 * node, level - 1);
  const auto b = sum_under(leaves, 2 * node + 1, level - 1);
  if (a && b) return *a + *b;
  return a ? a : b;
}

}  // namespace

bool tree_sum(std::span<const float* const> leaves, int64_t n, float* out) {
  STRATA_CHECK(leaves.size() <= kMaxLeaves, "chunks", leaves.size());
  const int levels = levels_of(leaves.size());
  std::vector<Addition> additions;
  additions.reserve(leaves.size());
  const auto root = plan(leaves, 0, levels, 0, additions);
  if (!root) return false;
  if (root->leaf) {  // one leaf is present: the sum is that leaf
    const float* only = leaves[root->index];
    if (only != out && n > 0) std::memcpy(out, only, static_cast<size_t>(n) * sizeof(float));
    return true;
  }
  std::vector<float> partials(static_cast<size_t>(levels + 1) * kBlock);
  isa::dispatch<SumKernel>(SumArgs{leaves, additions, n, out, partials.data()});
  return true;
}

std::optional<double> tree_sum(std::span<const std::optional<double>> leaves) {
  STRATA_CHECK(leaves.size() <= kMaxLeaves, "chunks", leaves.size());
  return sum_under(leaves, 0, levels_of(leaves.size()));
}

}  // namespace strata::kernels
