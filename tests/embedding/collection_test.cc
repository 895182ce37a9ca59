#include "embedding/collection.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <fstream>
#include <map>

#include "base/error.h"
#include "tests/embedding/batches.h"

namespace strata::embedding {
namespace {

using kernels::DType;

TEST(Collection, KeysAreTheBijectionOfTheTestVectors) {
  const Collection tables({table("C3", 1, sgd(1)), table("wide_C3", 1, sgd(1))}, {}, 0);
  std::ifstream file(STRATA_SOURCE_DIR "/tests/embedding/key_vectors.tsv");
  std::string name;
  uint64_t id = 0;
  uint64_t h = 0;
  int vectors = 0;
  for (; file >> name >> id >> h; ++vectors) {
    const int t = tables.find_table(name);
    ASSERT_GE(t, 0);
    ASSERT_EQ(tables.hash_of(t, id), h);
    ASSERT_EQ(tables.id_of(t, h), id);
  }
  EXPECT_EQ(vectors, 128);
}

TEST(Collection, AnyNumberOfThreadsGivesTheSameBits) {
  for (const auto& optimizer : every_optimizer()) {
    for (DType dtype : {DType::kF32, DType::kBf16, DType::kF16}) {
      std::vector<std::vector<float>> outputs;
      std::vector<decltype(all_rows(std::declval<Collection&>(), 0))> rows;
      for (int threads : {1, 2, 4}) {
        ThreadPool pool(threads);
        TableConfig a = table("a", 8, optimizer);
        TableConfig b = table("b", 3, optimizer);
        a.dtype = b.dtype = dtype;
        Collection tables({a, b}, two_lookups(), 11);
        std::vector<float> last;
        for (uint32_t step = 1; step <= 4; ++step) {
          last = train_step(tables, random_bags(step, 300, {1, 3, 2}, 400), step, pool);
        }
        outputs.push_back(last);
        rows.push_back(all_rows(tables, 0));
      }
      ASSERT_EQ(outputs[0], outputs[1]);
      ASSERT_EQ(outputs[0], outputs[2]);
      ASSERT_EQ(rows[0], rows[1]);
      ASSERT_EQ(rows[0], rows[2]);
    }
  }
}

TEST(Collection, BigTablesSplitOverThreadsGiveTheSameBits) {
  std::vector<decltype(all_rows(std::declval<Collection&>(), 0))> rows;
  for (int threads : {1, 3}) {
    ThreadPool pool(threads);
    Collection tables({table("a", 8, {.algorithm = kernels::Adagrad{}})}, {{.table = "a"}}, 5);
    for (uint32_t step = 1; step <= 4; ++step) {
      train_step(tables, random_bags(step, 40'000, {1}, 200'000), step, pool);
    }
    rows.push_back(all_rows(tables, 0));
  }
  ASSERT_GT(rows[0].size(), 66'000u);  // beyond the size where shards share one run
  EXPECT_EQ(rows[0], rows[1]);
}

TEST(Collection, SgdStepsEqualTheNaiveModel) {
  ThreadPool pool(2);
  Collection tables({table("a", 8, sgd(0.5f)), table("b", 3, sgd(0.5f))}, two_lookups(), 2);
  std::map<std::pair<int, uint64_t>, std::vector<double>> model;
  for (uint32_t step = 1; step <= 5; ++step) {
    const Bags bags = random_bags(step * 77, 64, {1, 3, 2}, 40);
    for (const Lookup& lookup : tables.lookups()) {
      const int t = tables.find_table(lookup.table);
      for (const auto& bag : bags[lookup.feature]) {
        for (const auto& [id, w] : bag) {
          if (model.contains({t, id})) continue;
          Collection fresh({table("a", 8, sgd(0.5f)), table("b", 3, sgd(0.5f))}, two_lookups(), 2);
          Bags one(3, {{{id, 1.0f}}});
          train_step(fresh, one, 1, pool);  // moves the row; undo it below
          KeyedBatch keys;
          Collection made({table("a", 8, sgd(0.5f)), table("b", 3, sgd(0.5f))}, two_lookups(), 2);
          made.prepare(make_batch(one, 1, true), keys, pool);
          made.look_up(keys, LookUpMode::kTrain, 1, pool);
          const auto weights = weights_of(made, t, id);
          ASSERT_NE(weights_of(fresh, t, id), weights);
          model[{t, id}].assign(weights.begin(), weights.end());
        }
      }
    }
    train_step(tables, bags, step, pool);
    const int64_t width = tables.out_width();
    const auto gradient = made_up_gradient(64, width, step);
    for (const Lookup& lookup : tables.lookups()) {
      const int t = tables.find_table(lookup.table);
      for (int64_t b = 0; b < 64; ++b) {
        const auto& bag = bags[lookup.feature][b];
        for (const auto& [id, w] : bag) {
          auto& weights = model[{t, id}];
          for (size_t i = 0; i < weights.size(); ++i) {
            weights[i] -= 0.5 * naive_factor(lookup.pooling, bag, w) *
                          gradient[b * width + lookup.out_column + i];
          }
        }
      }
    }
    for (const auto& [key, expected] : model) {
      const auto weights = weights_of(tables, key.first, key.second);
      for (size_t i = 0; i < expected.size(); ++i) ASSERT_NEAR(weights[i], expected[i], 1e-5);
    }
  }
}

TEST(Collection, ARowIsTheSameWhereverAndWheneverItIsMade) {
  ThreadPool pool(2);
  const auto make = [&](const std::vector<uint64_t>& ids, uint32_t step) {
    Collection tables({table("a", 8, sgd(1))}, {{.table = "a"}}, 42);
    Bags bags(1);
    for (uint64_t id : ids) bags[0].push_back({{id, 1.0f}});
    KeyedBatch keys;
    tables.prepare(make_batch(bags, 1, false), keys, pool);
    const LookUpCounts counts = tables.look_up(keys, LookUpMode::kTrain, step, pool);
    EXPECT_EQ(counts.created, counts.unique);
    return weights_of(tables, 0, 17);
  };
  EXPECT_EQ(make({17}, 1), make({5, 6, 17, 0, ~uint64_t{0}}, 9));
  EXPECT_FALSE(make({17}, 1).empty());
}

TEST(Collection, ReadOnlyLookUpReadsTheDefaultRowAndChangesNothing) {
  ThreadPool pool(2);
  TableConfig config = table("a", 4, sgd(1));
  config.default_row = 0.25f;
  Collection tables({config}, {{.table = "a"}}, 1);
  train_step(tables, {{{{1, 1.0f}}, {{2, 1.0f}}}}, 1, pool);
  const auto before = all_rows(tables, 0);
  KeyedBatch keys;
  tables.prepare(make_batch({{{{1, 1.0f}}, {{9, 1.0f}}, {{9, 1.0f}}, {}}}, 1, false), keys, pool);
  const LookUpCounts counts = tables.look_up(keys, LookUpMode::kReadOnly, 2, pool);
  EXPECT_EQ(counts.unique, 2);
  EXPECT_EQ(counts.created, 0);
  EXPECT_EQ(counts.defaulted, 1);
  EXPECT_EQ(counts.defaulted_occurrences, 2);
  std::vector<float> out(16, NAN);
  tables.pool(keys, 0, 4, out.data(), 4);
  const auto one = weights_of(tables, 0, 1);
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(out[i], one[i]);
    EXPECT_EQ(out[4 + i], 0.25f);
    EXPECT_EQ(out[8 + i], 0.25f);
    EXPECT_EQ(out[12 + i], 0.0f);  // an empty bag
  }
  EXPECT_EQ(all_rows(tables, 0), before);
}

TEST(Collection, RestoredRowsTrainOnAsIfNeverSaved) {
  ThreadPool pool(2);
  for (const auto& optimizer : every_optimizer()) {
    const std::vector<TableConfig> configs = {table("a", 8, optimizer), table("b", 3, optimizer)};
    Collection whole(configs, two_lookups(), 3);
    for (uint32_t step = 1; step <= 3; ++step) {
      train_step(whole, random_bags(step, 50, {1, 3, 2}, 60), step, pool);
    }
    Collection restored(configs, two_lookups(), 3);
    for (int t = 0; t < 2; ++t) {
      std::vector<uint64_t> hashes;
      std::vector<std::byte> bytes;
      for (const auto& [id, row] : all_rows(whole, t)) {
        hashes.push_back(whole.hash_of(t, id));
        bytes.insert(bytes.end(), row.begin(), row.end());
      }
      restored.insert_rows(t, hashes, bytes);
      restored.set_rate_history(t, whole.rate_history(t));
    }
    const Bags next = random_bags(99, 50, {1, 3, 2}, 90);
    ASSERT_EQ(train_step(whole, next, 4, pool), train_step(restored, next, 4, pool));
    ASSERT_EQ(all_rows(whole, 0), all_rows(restored, 0));
    ASSERT_EQ(all_rows(whole, 1), all_rows(restored, 1));
    restored.clear(0);
    EXPECT_EQ(restored.usage(0).rows, 0);
  }
}

/// Every id of the table in one more sample: with a zero gradient for it, a lazy table that is
/// asked for all rows in each step is the dense optimizer.
std::vector<kernels::OptimizerConfig> exact_optimizers() {
  std::vector<kernels::OptimizerConfig> configs = {
      {.algorithm = kernels::Sgd{}, .l2 = 0.1f},
      {.algorithm = kernels::Momentum{}},
      {.algorithm = kernels::Adam{}},
      {.algorithm = kernels::Adam{}, .l2 = 0.01f},
      {.algorithm = kernels::RowwiseAdam{}},
      {.algorithm = kernels::Momentum{}, .weight_decay = 0.1f}};
  return configs;
}

TEST(Collection, ExactModeEqualsTheDenseOptimizer) {
  constexpr uint64_t kIds = 30;
  constexpr int64_t kSamples = 6;
  ThreadPool pool(2);
  for (const auto& lazy : exact_optimizers()) {
    kernels::OptimizerConfig exact = lazy;
    exact.mode = kernels::OptimizerMode::kExact;
    Collection sparse({table("a", 8, exact)}, {{.table = "a"}}, 8);
    Collection dense({table("a", 8, lazy)}, {{.table = "a"}}, 8);
    for (uint32_t step = 1; step <= 12; ++step) {
      const float rate = 0.1f / static_cast<float>(step);
      sparse.set_learning_rate(0, rate);
      dense.set_learning_rate(0, rate);
      Bags bags = random_bags(step, kSamples, {1}, kIds);
      auto gradient = made_up_gradient(kSamples + 1, 8, step);
      std::fill(gradient.begin() + kSamples * 8, gradient.end(), 0.0f);
      const auto run = [&](Collection& tables, const Bags& on) {
        const Batch batch = make_batch(on, 1, false);
        KeyedBatch keys;
        tables.prepare(batch, keys, pool);
        tables.look_up(keys, LookUpMode::kTrain, step, pool);
        tables.reduce_gradients(keys, gradient.data(), 8, batch.chunk_begin, pool);
        tables.apply(keys, step, 1.0f, pool);
      };
      run(sparse, bags);
      bags[0].emplace_back();
      for (uint64_t id = 0; id < kIds; ++id) bags[0].back().emplace_back(id, 1.0f);
      run(dense, bags);
    }
    EXPECT_EQ(sparse.rate_history(0).size(), 12u);
    const auto before = all_rows(sparse, 0);
    for (const auto& [id, row] : before) {
      const auto expected = weights_of(dense, 0, id);
      const auto exported = weights_of(sparse, 0, id);
      KeyedBatch keys;
      sparse.prepare(make_batch({{{{id, 1.0f}}}}, 1, false), keys, pool);
      sparse.look_up(keys, LookUpMode::kReadOnly, 0, pool);
      std::vector<float> read(8);
      sparse.pool(keys, 0, 1, read.data(), 8);
      ASSERT_EQ(read, exported);
      for (int i = 0; i < 8; ++i) {
        ASSERT_NEAR(exported[i], expected[i], 1e-6 * (1 + std::abs(expected[i]))) << lazy.name();
      }
    }
    EXPECT_EQ(all_rows(sparse, 0), before);
  }
}

TEST(Collection, AccumulatedGradientsEqualThoseOfTheJoinedBatch) {
  ThreadPool pool(2);
  Collection tables({table("a", 8, sgd(1)), table("b", 3, sgd(1))}, two_lookups(), 4);
  const int64_t width = tables.out_width();
  const Bags first = random_bags(1, 20, {1, 3, 2}, 30);
  const Bags second = random_bags(2, 20, {1, 3, 2}, 30);
  Bags joined = first;
  for (size_t f = 0; f < 3; ++f) {
    joined[f].insert(joined[f].end(), second[f].begin(), second[f].end());
  }
  const auto gradient = made_up_gradient(40, width, 1);
  const auto reduce = [&](const Bags& bags, const float* dpool, KeyedBatch& keys) {
    const Batch batch = make_batch(bags, 2, true);
    tables.prepare(batch, keys, pool);
    tables.look_up(keys, LookUpMode::kTrain, 1, pool);
    tables.reduce_gradients(keys, dpool, width, batch.chunk_begin, pool);
  };
  KeyedBatch sum, part, whole;
  reduce(first, gradient.data(), part);
  tables.accumulate(part, sum);
  reduce(second, gradient.data() + 20 * width, part);
  tables.accumulate(part, sum);
  reduce(joined, gradient.data(), whole);
  double norm = 0;
  for (int t = 0; t < 2; ++t) {
    ASSERT_TRUE(std::ranges::equal(sum.hashes(t), whole.hashes(t)));
    for (size_t i = 0; i < whole.gradients(t).size(); ++i) {
      ASSERT_NEAR(sum.gradients(t)[i], whole.gradients(t)[i], 1e-6);
      norm += double{whole.gradients(t)[i]} * whole.gradients(t)[i];
    }
  }
  EXPECT_NEAR(tables.squared_gradient_norm(whole), norm, 1e-9 * norm);
  const auto before = weights_of(tables, 0, first[0][0][0].first);
  tables.apply(sum, 1, 0.5f, pool);
  EXPECT_NE(weights_of(tables, 0, first[0][0][0].first), before);
}

TEST(Collection, UnpooledLookupsHandOutRowsAndTakeTheirGradients) {
  ThreadPool pool(1);
  Collection tables({table("a", 4, sgd(1))},
                    {{.feature = 0, .table = "a", .pooling = Pooling::kNone}}, 4);
  EXPECT_EQ(tables.out_width(), 0);
  const Bags bags = {{{{1, 1.0f}, {2, 1.0f}}, {}, {{1, 1.0f}}}};
  const Batch batch = make_batch(bags, 1, false);
  KeyedBatch keys;
  tables.prepare(batch, keys, pool);
  tables.look_up(keys, LookUpMode::kTrain, 1, pool);
  std::vector<float> rows(12);
  tables.gather(keys, 0, rows.data(), 4);
  const auto one = weights_of(tables, 0, 1);
  const auto two = weights_of(tables, 0, 2);
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(rows[i], one[i]);
    EXPECT_EQ(rows[4 + i], two[i]);
    EXPECT_EQ(rows[8 + i], one[i]);
  }
  const std::vector<float> gradient = {1, 1, 1, 1, 2, 2, 2, 2, 4, 4, 4, 4};
  const UnpooledGradient unpooled{.lookup = 0, .rows = gradient.data(), .stride = 4};
  keys.set_unpooled_gradients({&unpooled, 1});
  tables.reduce_gradients(keys, nullptr, 0, batch.chunk_begin, pool);
  tables.apply(keys, 1, 1.0f, pool);
  for (int i = 0; i < 4; ++i) {
    EXPECT_FLOAT_EQ(weights_of(tables, 0, 1)[i], one[i] - 5);
    EXPECT_FLOAT_EQ(weights_of(tables, 0, 2)[i], two[i] - 2);
  }
}

TEST(Collection, FrozenTablesStayAsTheyAre) {
  ThreadPool pool(1);
  TableConfig frozen = table("a", 4, {.algorithm = kernels::Adam{}});
  frozen.trainable = false;
  Collection tables({frozen}, {{.table = "a"}}, 4);
  EXPECT_EQ(tables.layout(0).state_floats, 0);
  train_step(tables, {{{{3, 1.0f}}}}, 1, pool);
  const auto before = all_rows(tables, 0);
  train_step(tables, {{{{3, 1.0f}}}}, 2, pool);
  EXPECT_EQ(all_rows(tables, 0), before);
}

TEST(Collection, EmptyBatchesAndEmptyCollectionsWork) {
  ThreadPool pool(2);
  Collection none({}, {}, 0);
  KeyedBatch keys;
  none.prepare(Batch{}, keys, pool);
  EXPECT_EQ(none.look_up(keys, LookUpMode::kTrain, 1, pool).unique, 0);
  Collection tables({table("a", 4, sgd(1))}, {{.table = "a"}}, 4);
  EXPECT_TRUE(train_step(tables, {{}}, 1, pool).empty());
  EXPECT_EQ(train_step(tables, {{{}, {}}}, 2, pool), std::vector<float>(8));
  EXPECT_EQ(tables.usage(0).rows, 0);
}

TEST(Collection, RefusesConfigurationsThatCannotWork) {
  const auto code_of = [](std::vector<TableConfig> tables, std::vector<Lookup> lookups) {
    try {
      Collection collection(std::move(tables), std::move(lookups), 0);
    } catch (const Error& e) {
      return e.exit_code();
    }
    return 0;
  };
  const TableConfig good = table("a", 4, sgd(1));
  EXPECT_EQ(code_of({good}, {{.table = "a"}}), 0);
  EXPECT_EQ(code_of({good}, {{.table = "b"}}), 78);
  EXPECT_EQ(code_of({good, good}, {}), 78);
  EXPECT_EQ(code_of({good}, {{.table = "a"}, {.table = "a", .out_column = 3}}), 78);
  EXPECT_EQ(code_of({table("a", 0, sgd(1))}, {}), 78);
  EXPECT_EQ(code_of({table("a", 65537, sgd(1))}, {}), 78);
  TableConfig narrow =
      table("a", 4, {.algorithm = kernels::Adam{}, .mode = kernels::OptimizerMode::kExact});
  narrow.dtype = DType::kBf16;
  EXPECT_EQ(code_of({narrow}, {}), 78);
}

TEST(Collection, UsageStaysWithinThePlan) {
  ThreadPool pool(2);
  const TableConfig config = table("a", 16, {.algorithm = kernels::RowwiseAdagrad{}});
  Collection tables({config}, {{.table = "a"}}, 4);
  KeyedBatch keys;
  Bags bags(1);
  for (uint64_t id = 0; id < 100'000; ++id) bags[0].push_back({{id, 1.0f}});
  tables.prepare(make_batch(bags, 1, false), keys, pool);
  tables.look_up(keys, LookUpMode::kTrain, 1, pool);
  const TableUsage usage = tables.usage(0);
  EXPECT_EQ(usage.rows, 100'000);
  const double planned = Collection::planned_row_bytes(config).total() * 100'000;
  EXPECT_NEAR(static_cast<double>(usage.bytes()), planned, 0.12 * planned);
}

}  // namespace
}  // namespace strata::embedding
