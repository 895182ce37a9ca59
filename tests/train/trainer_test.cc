#include "train/trainer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <set>

#include "base/error.h"
#include "tests/train/session.h"
#include "train/memory_limit.h"
#include "train/running_metrics.h"

namespace strata::train {
namespace {

double mean(const std::vector<double>& values, size_t begin, size_t end) {
  double sum = 0;
  for (size_t i = begin; i < end; ++i) sum += values[i];
  return sum / static_cast<double>(end - begin);
}

TEST(Trainer, LossFallsOnASyntheticTask) {
  const TrainConfig config{.batch_size = 50, .epochs = 20, .auc_window = 1000};
  Session session({}, config);
  const std::vector<double> losses = session.run(1 << 20);
  ASSERT_EQ(losses.size(), 400u);
  EXPECT_LT(mean(losses, 380, 400), 0.75 * mean(losses, 0, 20));
  EXPECT_GT(*running_auc(session.trainer.state().running), 0.8);
}

TEST(Trainer, StateCountsWhatWasTrained) {
  const TrainConfig config{.batch_size = 300, .epochs = 2};
  Session session({}, config);
  session.run(3);
  EXPECT_EQ(session.trainer.state().step, 3);
  EXPECT_EQ(session.trainer.state().samples, 900);
  EXPECT_EQ(session.trainer.state().next, (BatchPosition{.epoch = 0, .batch = 3}));
  session.run(1);
  EXPECT_EQ(session.trainer.state().samples, 1000);
  EXPECT_EQ(session.trainer.state().next, (BatchPosition{.epoch = 1, .batch = 0}));
  session.run(100);
  EXPECT_EQ(session.trainer.state().step, 8);
  EXPECT_EQ(session.trainer.state().next, (BatchPosition{.epoch = 2, .batch = 0}));
  EXPECT_FALSE(session.trainer.step());
}

TEST(Trainer, EverySampleExactlyOnceAnEpochWhereverItIsKilled) {
  const TrainConfig config{.batch_size = 37, .epochs = 2};
  const SmallModel small;
  for (int64_t kill = 1; kill <= 56; kill += 2) {
    Session first(small, config);
    first.run(kill);
    const TrainerState state = first.trainer.state();
    Session second(small, config, take_snapshot(*first.network), state);
    second.run(1 << 20);
    std::map<int64_t, std::multiset<std::string>> trained;
    const auto before = [&](BatchPosition p) {
      return std::pair(p.epoch, p.batch) < std::pair(state.next.epoch, state.next.batch);
    };
    for (const GivenBatch& given : first.reader.given()) {
      if (!before(given.position)) continue;  // prefetched, not trained
      trained[given.position.epoch].insert(given.sample_ids.begin(), given.sample_ids.end());
    }
    for (const GivenBatch& given : second.reader.given()) {
      trained[given.position.epoch].insert(given.sample_ids.begin(), given.sample_ids.end());
    }
    ASSERT_EQ(trained.size(), 2u);
    for (const auto& [epoch, ids] : trained) {
      EXPECT_EQ(ids.size(), 1000u) << kill;
      EXPECT_EQ(std::set<std::string>(ids.begin(), ids.end()).size(), 1000u) << kill;
    }
  }
}

/// Greatest difference of weights, relative to the largest weight of the tensor.
double relative_difference(const Snapshot& a, const Snapshot& b) {
  double worst = 0;
  const auto compare = [&](const float* x, const float* y, size_t n) {
    double scale = 1e-3, difference = 0;
    for (size_t i = 0; i < n; ++i) {
      scale = std::max<double>(scale, std::abs(x[i]));
      difference = std::max<double>(difference, std::abs(x[i] - y[i]));
    }
    worst = std::max(worst, difference / scale);
  };
  for (size_t t = 0; t < a.weights.size(); ++t) {
    compare(a.weights[t].data(), b.weights[t].data(), a.weights[t].size());
  }
  return worst;
}

TEST(Trainer, AccumulationEqualsOneLargeBatch) {
  SmallModel small;
  small.task.rows = 1000;
  const TrainConfig large{.batch_size = 120, .epochs = 2};
  TrainConfig pieces{.batch_size = 40, .epochs = 2};
  pieces.accumulate = 3;
  Session one(small, large, 1, /*shuffle=*/false), many(small, pieces, 1, /*shuffle=*/false);
  const std::vector<double> expected = one.run(100), losses = many.run(100);
  ASSERT_EQ(expected.size(), 18u);  // 1000 / 120 rounded up, twice
  ASSERT_EQ(losses.size(), 18u);
  for (size_t i = 0; i < losses.size(); ++i) EXPECT_NEAR(losses[i], expected[i], 1e-5) << i;
  EXPECT_LT(relative_difference(take_snapshot(*one.network), take_snapshot(*many.network)), 1e-4);
  EXPECT_EQ(one.trainer.state().samples, many.trainer.state().samples);
}

TEST(Trainer, AccumulationResumesBitForBit) {
  TrainConfig config{.batch_size = 40, .epochs = 2};
  config.accumulate = 3;
  const SmallModel small;
  Session whole(small, config), first(small, config);
  whole.run(18);
  first.run(5);
  Session second(small, config, take_snapshot(*first.network), first.trainer.state());
  second.run(13);
  EXPECT_EQ(take_snapshot(*second.network), take_snapshot(*whole.network));
}

/// Weights of all rows and dense tensors, tables first, in one vector.
std::vector<float> all_weights(const models::Network& network) {
  std::vector<float> all;
  const embedding::Collection& collection = network.collection();
  for (int table = 0; table < collection.tables(); ++table) {
    std::vector<float> row(collection.config(table).dim);
    collection.scan(table, collection.all_shards(), [&](const embedding::RowView& view) {
      std::memcpy(row.data(), view.bytes.data(),
                  row.size() * sizeof(float));  // fp32 weights first
      all.insert(all.end(), row.begin(), row.end());
    });
  }
  for (const dense::ParameterInfo& tensor : network.parameters().tensors()) {
    const auto weights = network.parameters().weights(tensor);
    all.insert(all.end(), weights.begin(), weights.end());
  }
  return all;
}

/// How far one update with plain SGD of rate 1 moves every weight, the rows of the first batch
/// existing beforehand: minus the gradient that was applied.
std::vector<double> movement(const TrainConfig& config, double* norm) {
  SmallModel small;
  small.table_optimizer = {.algorithm = kernels::Sgd{.learning_rate = 1}};
  small.dense_optimizer = small.table_optimizer;
  TrainConfig still = config;
  still.schedule = {.warmup_steps = 1 << 30, .decay = {}};  // makes the rows, moves next to nothing
  Session before(small, still), after(small, config);
  before.run(1);
  after.run(1);
  if (norm != nullptr) *norm = after.trainer.report().gradient_norm.value_or(0);
  const std::vector<float> a = all_weights(*before.network), b = all_weights(*after.network);
  std::vector<double> moved(a.size());
  for (size_t i = 0; i < a.size(); ++i) moved[i] = double{b[i]} - a[i];
  return moved;
}

TEST(Trainer, ClippingScalesDenseAndSparseGradientsByTheGlobalNorm) {
  const TrainConfig free{.batch_size = 100};
  const std::vector<double> unclipped = movement(free, nullptr);
  double square = 0;
  for (const double x : unclipped) square += x * x;
  TrainConfig clipped = free;
  clipped.clip_norm = std::sqrt(square) / 4;
  double norm = 0;
  const std::vector<double> moved = movement(clipped, &norm);
  EXPECT_NEAR(norm, std::sqrt(square), 1e-5 * norm);
  ASSERT_EQ(moved.size(), unclipped.size());
  for (size_t i = 0; i < moved.size(); ++i) EXPECT_NEAR(moved[i], unclipped[i] / 4, 1e-6) << i;
}

TEST(Trainer, ANormBelowTheLimitChangesNothing) {
  TrainConfig config{.batch_size = 100};
  Session free({}, config);
  config.clip_norm = 1e6;
  Session clipped({}, config);
  free.run(5);
  clipped.run(5);
  EXPECT_EQ(take_snapshot(*free.network), take_snapshot(*clipped.network));
}

TEST(Trainer, PartsFollowTheirSchedules) {
  SmallModel small;
  small.model = models::WideDeep{.hidden = {8}};
  TrainConfig config{.batch_size = 100};
  const ScheduleConfig off{.warmup_steps = 1 << 30, .warmup_start = 0, .decay = {}};
  config.schedules.dense = off;
  config.schedules.wide = off;
  Session session(small, config);
  session.run(1);
  EXPECT_NEAR(session.trainer.report().factors[static_cast<int>(Part::kDense)], 0, 1e-8);
  EXPECT_EQ(session.trainer.report().factors[static_cast<int>(Part::kTables)], 1);
  EXPECT_NEAR(session.trainer.report().factors[static_cast<int>(Part::kWide)], 0, 1e-8);
}

TEST(Trainer, APlateauLowersTheRateOfTheNextUpdate) {
  TrainConfig config{.batch_size = 100};
  config.schedules.dense = ScheduleConfig{.decay = PlateauDecay{.factor = 0.5}};
  Session session({}, config);
  kernels::EvalMetrics metrics;
  metrics.logloss = 0.5;
  session.run(1);
  session.trainer.observe(metrics);
  session.run(1);
  EXPECT_EQ(session.trainer.report().factors[static_cast<int>(Part::kDense)], 1);
  session.trainer.observe(metrics);
  session.run(1);
  EXPECT_EQ(session.trainer.report().factors[static_cast<int>(Part::kDense)], 0.5);
  EXPECT_EQ(session.trainer.report().factors[static_cast<int>(Part::kTables)], 1);
}

TEST(Trainer, AnEvaluationOffTheBeatDecidesNothing) {
  TrainConfig config{.batch_size = 100};
  config.schedule.decay = PlateauDecay{};
  config.early_stopping = EarlyStoppingConfig{};
  Session session({}, config);
  session.run(1);
  TrainerState before = session.trainer.state();
  kernels::EvalMetrics metrics;
  metrics.logloss = 0.5;
  session.trainer.note_evaluation(metrics);
  before.last_evaluation = metrics;
  before.last_evaluation_step = 1;
  EXPECT_EQ(session.trainer.state(), before);
}

/// The message of the error that the next update ends with.
std::string divergence(Session& session) {
  try {
    session.trainer.step();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kDiverged);
    return e.what();
  }
  ADD_FAILURE() << "no divergence";
  return {};
}

/// The same; nothing may have changed then.
std::string harmless_divergence(Session& session) {
  Snapshot before = take_snapshot(*session.network);
  std::string text = divergence(session);
  Snapshot after = take_snapshot(*session.network);
  before.tables = after.tables = {};  // rows of the batch may have been made
  EXPECT_TRUE(after == before) << "an update was made";
  return text;
}

TEST(Trainer, ARateTooHighEndsTheRun) {
  SmallModel small;
  small.dense_optimizer = {.algorithm = kernels::Sgd{.learning_rate = 1e30f}};
  Session session(small, {.batch_size = 100});
  session.run(1);
  const std::string text = harmless_divergence(session);
  EXPECT_NE(text.find("loss of epoch 0, batch 1 "), std::string::npos) << text;
  EXPECT_NE(text.find("logits"), std::string::npos) << text;
}

TEST(Trainer, DivergenceNamesTheDenseTensor) {
  Session session({}, {.batch_size = 100});
  session.run(2);
  dense::Parameters& parameters = session.network->parameters();
  const dense::ParameterInfo& tensor = parameters.tensors().back();
  parameters.weights(tensor)[0] = std::numeric_limits<float>::quiet_NaN();
  parameters.weights_changed();
  const std::string text = harmless_divergence(session);
  EXPECT_NE(text.find("dense tensor " + tensor.name), std::string::npos) << text;
}

TEST(Trainer, NoLayerHidesANan) {
  SmallModel small;
  for (const models::ModelVariant& model : every_model()) {
    small.model = model;
    const size_t tensors = make_small_network(small)->parameters().tensors().size();
    for (size_t index = 0; index < tensors; ++index) {
      Session session(small, {.batch_size = 100});
      dense::Parameters& parameters = session.network->parameters();
      const dense::ParameterInfo& tensor = parameters.tensors()[index];
      parameters.weights(tensor)[0] = std::numeric_limits<float>::quiet_NaN();
      parameters.weights_changed();
      const std::string text = divergence(session);
      EXPECT_NE(text.find("dense tensor " + tensor.name), std::string::npos) << text;
    }
  }
}

TEST(Trainer, ARunningVarianceThatOverflowsIsFoundInItsBatch) {
  SmallModel small;
  small.model = models::WideDeep{.hidden = {8}, .batch_norm = true};
  small.task.dense_scale = 1e25f;  // the square of it is no float
  Session session(small, {.batch_size = 100});
  const std::string text = divergence(session);
  EXPECT_NE(text.find("running statistic of epoch 0, batch 0 "), std::string::npos) << text;
  EXPECT_NE(text.find(".running_var"), std::string::npos) << text;
}

TEST(Trainer, DivergenceNamesTheTable) {
  Session session({}, {.batch_size = 100});
  session.run(2);
  embedding::Collection& collection = session.network->collection();
  const int table = collection.find_table("C2");
  std::vector<uint64_t> hashes;
  std::vector<std::byte> rows;
  collection.scan(table, collection.all_shards(), [&](const embedding::RowView& row) {
    hashes.push_back(row.h);
    rows.insert(rows.end(), row.bytes.begin(), row.bytes.end());
    const float infinity = std::numeric_limits<float>::infinity();
    std::memcpy(rows.data() + rows.size() - row.bytes.size(), &infinity, sizeof(float));
  });
  collection.insert_rows(table, hashes, rows);
  const std::string text = harmless_divergence(session);
  EXPECT_NE(text.find("rows of table C2"), std::string::npos) << text;
}

TEST(Trainer, NothingThatIsNotFiniteIsSaved) {
  Session session({}, {.batch_size = 100});
  session.run(2);
  EXPECT_NO_THROW(session.trainer.require_finite());
  dense::Parameters& parameters = session.network->parameters();
  parameters.weights(parameters.tensors()[0])[0] = std::numeric_limits<float>::infinity();
  EXPECT_THROW(session.trainer.require_finite(), Error);
}

TEST(Trainer, OtherDataIsRefused) {
  const TrainConfig config{.batch_size = 100};
  const SmallModel small;
  MemoryReader reader(small.task, plan_of(config));
  ThreadPool pool(1);
  auto network = make_small_network(small);
  TrainerState state = first_state(config, reader);
  state.input_digest ^= 1;
  try {
    Trainer trainer(config, {*network, reader, pool}, state);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kConfig);
  }
}

TEST(Trainer, MemoryThatIsNotOfTheTablesCountsFromTheNextStep) {
  Session session({}, {.batch_size = 100});
  MemoryLimit limit(resident_bytes() + (64 << 20));
  session.trainer.set_memory_check(
      [&](const auto& collection, const auto& keys) { limit.check(collection, keys); });
  session.run(2);
  const std::vector<char> other(96 << 20, 'x');
  EXPECT_THROW(session.trainer.step(), MemoryLimitError);
}

TEST(Trainer, MemoryCheckComesBeforeRowsAreMade) {
  Session session({}, {.batch_size = 100});
  session.trainer.set_memory_check([](const auto& collection, const auto& keys) {
    MemoryLimit(resident_bytes() + 100).check(collection, keys);
  });
  try {
    session.trainer.step();
    FAIL();
  } catch (const MemoryLimitError& e) {
    EXPECT_EQ(e.code(), ErrorCode::kResource);
    const std::string text = e.what();
    EXPECT_NE(text.find("before the first row"), std::string::npos) << text;
    EXPECT_NE(text.find("memory.limit"), std::string::npos) << text;
  }
  EXPECT_TRUE(session.trainer.consistent());
  EXPECT_EQ(session.network->collection().usage(0).rows, 0);
  EXPECT_EQ(session.trainer.state().step, 0);
}

TEST(Trainer, WeightsOfSamplesCount) {
  SmallModel small;
  Session plain(small, {.batch_size = 100});
  small.task.sample_weights = true;
  Session weighted(small, {.batch_size = 100});
  EXPECT_NE(plain.run(1), weighted.run(1));
}

}  // namespace
}  // namespace strata::train
