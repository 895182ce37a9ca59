#include "kernels/reduce_rows.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <optional>

#include "base/hash.h"
#include "kernels/dedup.h"
#include "kernels/tree_sum.h"
#include "tests/reference/pooling.h"
#include "tests/sanitized.h"

namespace strata::kernels {
namespace {

/// A batch of one table: two lookups where `two`, else one; chunks of unequal length.
struct Problem {
  int dim;
  int64_t samples;
  int64_t stride;
  std::vector<int64_t> chunk_begin;
  std::vector<uint64_t> keys;
  std::vector<std::vector<int32_t>> sample;  // per lookup
  std::vector<std::vector<float>> factors;   // per lookup
  std::vector<int64_t> lookup_begin{0};
  std::vector<float> dpool;
  UniqueKeys unique;
  bool plain;

  Problem(int dim, int64_t samples, int chunks, int64_t key_space, bool plain)
      : dim(dim), samples(samples), stride(2 * dim + 1), plain(plain) {
    const CounterRng rng{static_cast<uint64_t>(dim * 7919 + samples * 31 + key_space)};
    uint64_t c = 0;
    for (int k = 0; k <= chunks; ++k) chunk_begin.push_back(samples * k * k / (chunks * chunks));
    for (int l = 0; l < (plain ? 1 : 2); ++l) {
      sample.emplace_back();
      factors.emplace_back();
      for (int64_t b = 0; b < samples; ++b) {
        const int64_t length = plain ? 1 : rng.below(c++, 4);
        for (int64_t k = 0; k < length; ++k) {
          keys.push_back(mix64(rng.below(c++, key_space)));
          sample[l].push_back(static_cast<int32_t>(b));
          factors[l].push_back(plain ? 1.0f : rng.uniform(c++));
        }
      }
      lookup_begin.push_back(static_cast<int64_t>(keys.size()));
    }
    for (int64_t i = 0; i < samples * stride; ++i) dpool.push_back(rng.uniform(c++) - 0.5f);
    dedup(keys, unique);
    std::vector<OccurrenceRange> order;
    for (int k = 0; k < chunks; ++k) {
      for (size_t l = 0; l < sample.size(); ++l) {
        const auto& s = sample[l];
        const auto at = [&](int64_t b) {
          return lookup_begin[l] + (std::lower_bound(s.begin(), s.end(), b) - s.begin());
        };
        order.push_back({at(chunk_begin[k]), at(chunk_begin[k + 1])});
      }
    }
    list_occurrences(order, unique);
  }

  std::vector<float> reduce(int parts) {
    std::vector<OccurrenceGradients> lookups;
    for (size_t l = 0; l < sample.size(); ++l) {
      lookups.push_back({.begin = lookup_begin[l],
                         .end = lookup_begin[l + 1],
                         .rows = dpool.data() + l * dim,
                         .stride = stride,
                         .sample = plain ? nullptr : sample[l].data(),
                         .factors = plain ? nullptr : factors[l].data()});
    }
    const auto count = static_cast<int64_t>(unique.unique.size());
    std::vector<float> gradients(count * dim, NAN);
    for (int part = 0; part < parts; ++part) {
      reduce_rows({.begin = unique.begin.data(),
                   .occurrences = unique.occurrences.data(),
                   .lookups = lookups,
                   .chunk_begin = chunk_begin,
                   .dim = dim,
                   .u_begin = count * part / parts,
                   .u_end = count * (part + 1) / parts,
                   .gradients = gradients.data()});
    }
    return gradients;
  }

  /// The determinism law, literally: per chunk in order, then tree_sum over chunks.
  std::vector<float> by_law() const {
    const auto count = static_cast<int64_t>(unique.unique.size());
    const auto chunks = static_cast<int64_t>(chunk_begin.size()) - 1;
    std::vector<float> out(count * dim);
    for (int64_t u = 0; u < count; ++u) {
      std::vector<std::vector<float>> leaves(chunks);
      for (int64_t k = 0; k < chunks; ++k) {
        for (size_t l = 0; l < sample.size(); ++l) {
          for (size_t j = 0; j < sample[l].size(); ++j) {
            const int32_t b = sample[l][j];
            if (b < chunk_begin[k] || b >= chunk_begin[k + 1]) continue;
            if (unique.inverse[lookup_begin[l] + j] != u) continue;
            const bool first = leaves[k].empty();
            leaves[k].resize(dim);
            for (int i = 0; i < dim; ++i) {
              const float g = dpool[b * stride + l * dim + i];
              const float f = factors[l][j];
              leaves[k][i] = first ? f * g : leaves[k][i] + f * g;
            }
          }
        }
      }
      std::vector<const float*> pointers;
      for (const auto& leaf : leaves) pointers.push_back(leaf.empty() ? nullptr : leaf.data());
      EXPECT_TRUE(tree_sum(pointers, dim, out.data() + u * dim));
    }
    return out;
  }
};

class ReduceRowsGrid : public testing::TestWithParam<std::tuple<int, int64_t, int, bool>> {};
INSTANTIATE_TEST_SUITE_P(Grid, ReduceRowsGrid,
                         testing::Combine(testing::Values(1, 4, 8, 10, 16, 17, 32, 64, 128, 130),
                                          testing::Values(1, 33, kSanitized ? 65 : 200),
                                          testing::Values(1, 2, 5, 8), testing::Bool()));

TEST_P(ReduceRowsGrid, FollowsTheLawInAnySplitBitForBit) {
  const auto [dim, samples, chunks, plain] = GetParam();
  for (int64_t key_space : {int64_t{1}, int64_t{20}, samples * 100}) {
    Problem p(dim, samples, chunks, key_space, plain);
    if (p.keys.empty()) continue;
    const std::vector<float> whole = p.reduce(1);
    ASSERT_EQ(whole, p.reduce(2));
    ASSERT_EQ(whole, p.reduce(7));
    const std::vector<float> law = p.by_law();
    for (size_t i = 0; i < law.size(); ++i) {
      if (plain) {
        ASSERT_EQ(whole[i], law[i]) << i;
      } else {
        ASSERT_NEAR(whole[i], law[i], 1e-5) << i;  // products may be fused
      }
    }
  }
}

class ReduceScalarsGrid : public testing::TestWithParam<std::tuple<int64_t, int>> {};
INSTANTIATE_TEST_SUITE_P(Grid, ReduceScalarsGrid,
                         testing::Combine(testing::Values(1, 33, 200, 3000),
                                          testing::Values(1, 2, 3, 5, 8, 16)));

TEST_P(ReduceScalarsGrid, GivesTheBitsOfReduceRows) {
  const auto [samples, chunks] = GetParam();
  for (const int64_t key_space : {int64_t{1}, int64_t{20}, samples * 100}) {
    Problem p(1, samples, chunks, key_space, /*plain=*/true);
    for (int64_t b = 0; b < samples; b += 3) p.dpool[b * p.stride] = b % 2 == 0 ? -0.0f : 0.0f;
    const size_t unique = p.unique.unique.size();
    std::vector<float> workspace((chunks - 1) * unique, NAN);
    std::vector<float> gradients(unique, NAN);
    reduce_scalars({.inverse = p.unique.inverse.data(),
                    .rows = p.dpool.data(),
                    .stride = p.stride,
                    .chunk_begin = p.chunk_begin,
                    .unique = static_cast<int64_t>(unique),
                    .workspace = workspace.data(),
                    .gradients = gradients.data()});
    const std::vector<float> expected = p.reduce(1);
    for (size_t u = 0; u < unique; ++u) {
      ASSERT_EQ(std::bit_cast<uint32_t>(gradients[u]), std::bit_cast<uint32_t>(expected[u])) << u;
    }
  }
}

TEST_P(ReduceRowsGrid, ConservesGradientMass) {
  const auto [dim, samples, chunks, plain] = GetParam();
  Problem p(dim, samples, chunks, 20, plain);
  if (p.keys.empty()) return;
  double expected = 0;
  for (size_t l = 0; l < p.sample.size(); ++l) {
    for (size_t j = 0; j < p.sample[l].size(); ++j) {
      for (int i = 0; i < dim; ++i) {
        expected += double{p.factors[l][j]} * p.dpool[p.sample[l][j] * p.stride + l * dim + i];
      }
    }
  }
  double sum = 0;
  for (float g : p.reduce(3)) sum += g;
  EXPECT_NEAR(sum, expected, 1e-4);
}

}  // namespace
}  // namespace strata::kernels
