#include <gtest/gtest.h>

#include <cmath>

#include "embedding/collection.h"
#include "tests/embedding/batches.h"

namespace strata::embedding {
namespace {

using kernels::DType;

struct PoolCase {
  DType dtype;
  Pooling pooling;
  bool weighted;
};

class CollectionPool : public testing::TestWithParam<PoolCase> {};
INSTANTIATE_TEST_SUITE_P(Grid, CollectionPool,
                         testing::Values(PoolCase{DType::kF32, Pooling::kSum, false},
                                         PoolCase{DType::kF32, Pooling::kSum, true},
                                         PoolCase{DType::kF32, Pooling::kMean, false},
                                         PoolCase{DType::kF32, Pooling::kMean, true},
                                         PoolCase{DType::kF32, Pooling::kSqrtn, false},
                                         PoolCase{DType::kBf16, Pooling::kSqrtn, true},
                                         PoolCase{DType::kF16, Pooling::kSum, true}));

TEST_P(CollectionPool, EqualsNaiveSumsOverSharedTablesAndFeatures) {
  const PoolCase c = GetParam();
  TableConfig shared = table("shared", 16, sgd(1));
  TableConfig lone = table("lone", 5, sgd(1));
  shared.dtype = lone.dtype = c.dtype;
  const std::vector<Lookup> lookups = {
      {.feature = 0, .table = "shared", .pooling = c.pooling},
      {.feature = 1, .table = "shared", .pooling = c.pooling, .out_column = 16},
      {.feature = 1, .table = "lone", .pooling = c.pooling, .out_column = 32}};
  Collection tables({shared, lone}, lookups, 7);
  EXPECT_EQ(tables.out_width(), 37);
  ThreadPool pool(2);
  Bags bags = random_bags(3, 200, {1, 3}, 500);
  if (!c.weighted) {
    for (auto& feature : bags) {
      for (auto& bag : feature) {
        for (auto& entry : bag) entry.second = 1;
      }
    }
  }
  KeyedBatch keys;
  tables.prepare(make_batch(bags, 4, c.weighted), keys, pool);
  tables.look_up(keys, LookUpMode::kTrain, 1, pool);
  std::vector<float> out(200 * 40, NAN);
  tables.pool(keys, 0, 90, out.data(), 40);
  tables.pool(keys, 90, 200, out.data() + 90 * 40, 40);
  for (int64_t b = 0; b < 200; ++b) {
    for (const Lookup& lookup : lookups) {
      const int t = tables.find_table(lookup.table);
      std::vector<double> expected(tables.config(t).dim, 0.0);
      const auto& bag = bags[lookup.feature][b];
      for (const auto& [id, w] : bag) {
        const std::vector<float> weights = weights_of(tables, t, id);
        for (size_t i = 0; i < expected.size(); ++i) {
          expected[i] += naive_factor(c.pooling, bag, w) * weights[i];
        }
      }
      for (size_t i = 0; i < expected.size(); ++i) {
        ASSERT_NEAR(out[b * 40 + lookup.out_column + i], expected[i], 1e-5) << b;
      }
    }
  }
}

}  // namespace
}  // namespace strata::embedding
