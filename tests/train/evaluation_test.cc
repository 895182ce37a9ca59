#include "train/evaluation.h"

#include <gtest/gtest.h>

#include <stop_token>

#include "tests/train/session.h"

namespace strata::train {
namespace {

std::optional<kernels::EvalMetrics> evaluate_on(Session& session, const MemoryTask& task,
                                                int threads) {
  MemoryReader reader(task, plan_of({.batch_size = 64, .epochs = 1}), /*shuffle=*/false);
  ThreadPool pool(threads);
  const auto update = static_cast<uint32_t>(session.trainer.state().step + 1);
  return evaluate(*session.network, reader, update, pool, {});
}

SmallModel exact_adam() {
  SmallModel small;
  small.table_optimizer = {
      .algorithm = kernels::Adam{}, .mode = kernels::OptimizerMode::kExact, .l2 = 1e-2f};
  small.task.ids_per_feature = 400;
  return small;
}

/// Exact mode reads through what rows have missed; unknown keys read their first row. Neither may
/// leave a trace.
TEST(Evaluation, WritesNothing) {
  const SmallModel small = exact_adam();
  MemoryTask other = small.task;
  other.seed = 99;
  other.ids_per_feature = 800;
  Session session(small, {.batch_size = 50});
  session.run(10);
  const Snapshot before = take_snapshot(*session.network);
  EXPECT_EQ(evaluate_on(session, other, 1)->samples, other.rows);
  EXPECT_EQ(take_snapshot(*session.network), before);
}

/// Reading through equals what the rows are once training has caught them up.
TEST(Evaluation, ReadsWhatTheDenseOptimizerWouldHave) {
  const SmallModel small = exact_adam();
  Session session(small, {.batch_size = 50});
  session.run(20);  // an epoch: every id has its row
  const double through = *evaluate_on(session, small.task, 1)->logloss;
  embedding::Collection& tables = session.network->collection();
  ThreadPool pool(1);
  MemoryReader reader(small.task, plan_of({.batch_size = 1000, .epochs = 1}), /*shuffle=*/false);
  Batch batch;
  ASSERT_TRUE(reader.next(batch));
  embedding::KeyedBatch keys;
  tables.prepare(batch, keys, pool);
  tables.look_up(keys, embedding::LookUpMode::kTrain, 21, pool);  // catches every row up
  EXPECT_EQ(*evaluate_on(session, small.task, 1)->logloss, through);
}

TEST(Evaluation, AnyNumberOfThreadsGivesTheSameBits) {
  Session session({}, {.batch_size = 50});
  session.run(10);
  EXPECT_EQ(evaluate_on(session, {}, 1), evaluate_on(session, {}, 2));
}

TEST(Evaluation, AStopRequestEndsIt) {
  Session session({}, {.batch_size = 50});
  MemoryReader reader({}, plan_of({.batch_size = 64, .epochs = 1}));
  std::stop_source stop;
  stop.request_stop();
  EXPECT_FALSE(evaluate(*session.network, reader, 1, session.pool, stop.get_token()));
}

}  // namespace
}  // namespace strata::train
