#include "train/early_stopping.h"

#include <gtest/gtest.h>

namespace strata::train {
namespace {

TEST(EarlyStopping, StopsWhenPatienceIsUsedUp) {
  const EarlyStoppingConfig config{.metric = EvalMetric::kLogloss, .patience = 2};
  EarlyStoppingState state;
  EXPECT_EQ(observe_evaluation(config, 0.50, 100, state), Verdict::kBest);
  EXPECT_EQ(observe_evaluation(config, 0.51, 200, state), Verdict::kGoOn);
  EXPECT_EQ(observe_evaluation(config, 0.49, 300, state), Verdict::kBest);
  EXPECT_EQ(observe_evaluation(config, 0.49, 400, state), Verdict::kGoOn);
  EXPECT_EQ(observe_evaluation(config, 0.50, 500, state), Verdict::kStop);
  EXPECT_EQ(state.best_step, 300);
  EXPECT_EQ(state.best, 0.49);
}

TEST(EarlyStopping, SmallChangesAreNoImprovement) {
  const EarlyStoppingConfig config{.metric = EvalMetric::kAuc, .patience = 1, .min_delta = 0.01};
  EarlyStoppingState state;
  EXPECT_EQ(observe_evaluation(config, 0.700, 1, state), Verdict::kBest);
  EXPECT_EQ(observe_evaluation(config, 0.705, 2, state), Verdict::kStop);
}

}  // namespace
}  // namespace strata::train
