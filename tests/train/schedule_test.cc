#include "train/schedule.h"

#include <gtest/gtest.h>

#include <cmath>

namespace strata::train {
namespace {

ScheduleConfig mlperf() {
  return {.warmup_steps = 2750,
          .decay = PolynomialDecay{.start = 49'315, .steps = 27'772, .power = 2, .end = 0}};
}

/// LRPolicyScheduler of facebookresearch/dlrm, word by word, without its floor of 1e-7.
double mlperf_reference(int64_t step_count) {
  const int64_t warmup = 2750, start = 49'315, steps = 27'772;
  if (step_count < warmup) {
    return 1.0 - static_cast<double>(warmup - step_count) / static_cast<double>(warmup);
  }
  if (start <= step_count && step_count < start + steps) {
    const int64_t decayed_steps = step_count - start;
    return std::pow(static_cast<double>(steps - decayed_steps) / static_cast<double>(steps), 2);
  }
  return step_count < start ? 1 : 0;
}

TEST(Schedule, MlperfWarmupAndDecay) {
  for (int64_t n = 1; n < 80'000; ++n) {
    ASSERT_NEAR(schedule_factor(mlperf(), {}, n), mlperf_reference(n), 1e-12) << n;
  }
}

TEST(Schedule, ConstantIsOne) {
  EXPECT_EQ(schedule_factor({}, {}, 1), 1);
  EXPECT_EQ(schedule_factor({}, {}, 1'000'000'000), 1);
}

TEST(Schedule, WarmupStartsWhereAsked) {
  const ScheduleConfig config{.warmup_steps = 10, .warmup_start = 0.5, .decay = {}};
  EXPECT_DOUBLE_EQ(schedule_factor(config, {}, 1), 0.55);
  EXPECT_DOUBLE_EQ(schedule_factor(config, {}, 9), 0.95);
  EXPECT_DOUBLE_EQ(schedule_factor(config, {}, 10), 1);
}

TEST(Schedule, CosineFallsToItsEnd) {
  const ScheduleConfig config{.decay = CosineDecay{.start = 100, .steps = 200, .end = 0.2}};
  EXPECT_DOUBLE_EQ(schedule_factor(config, {}, 100), 1);
  EXPECT_NEAR(schedule_factor(config, {}, 200), 0.6, 1e-12);
  EXPECT_NEAR(schedule_factor(config, {}, 150), 0.2 + 0.8 * (1 + std::sqrt(0.5)) / 2, 1e-12);
  EXPECT_NEAR(schedule_factor(config, {}, 300), 0.2, 1e-12);
  EXPECT_NEAR(schedule_factor(config, {}, 5000), 0.2, 1e-12);
}

TEST(Schedule, PartsTakeTheirOwnOrTheCommonOne) {
  TrainConfig config;
  config.schedule.warmup_steps = 7;
  config.schedules.wide = ScheduleConfig{.warmup_steps = 9, .decay = {}};
  EXPECT_EQ(schedule_of(config, Part::kDense).warmup_steps, 7);
  EXPECT_EQ(schedule_of(config, Part::kTables).warmup_steps, 7);
  EXPECT_EQ(schedule_of(config, Part::kWide).warmup_steps, 9);
}

TEST(Schedule, PlateauWaitsForItsPatience) {
  const PlateauDecay config{.metric = EvalMetric::kAuc, .factor = 0.1, .patience = 2};
  PlateauState state;
  EXPECT_FALSE(observe_plateau(config, 0.70, state));
  EXPECT_FALSE(observe_plateau(config, 0.69, state));
  EXPECT_TRUE(observe_plateau(config, 0.70, state)) << "equal is no improvement";
  EXPECT_DOUBLE_EQ(state.factor, 0.1);
  EXPECT_FALSE(observe_plateau(config, 0.60, state));
  EXPECT_FALSE(observe_plateau(config, 0.71, state));
  EXPECT_FALSE(observe_plateau(config, 0.70, state)) << "an improvement starts the count again";
  EXPECT_DOUBLE_EQ(schedule_factor({.decay = config}, state, 5), 0.1);
}

TEST(Schedule, PlateauStopsAtItsEnd) {
  const PlateauDecay config{.factor = 0.1, .patience = 1, .end = 0.05};
  PlateauState state;
  EXPECT_FALSE(observe_plateau(config, 0.5, state));
  EXPECT_TRUE(observe_plateau(config, 0.5, state));
  EXPECT_TRUE(observe_plateau(config, 0.5, state));
  EXPECT_DOUBLE_EQ(state.factor, 0.05);
  EXPECT_FALSE(observe_plateau(config, 0.5, state));
}

TEST(Schedule, SmallerIsBetterForLoglossLargerForAuc) {
  EXPECT_TRUE(improves(EvalMetric::kLogloss, 0.4, 0.5, 0.05));
  EXPECT_FALSE(improves(EvalMetric::kLogloss, 0.4, 0.5, 0.2));
  EXPECT_TRUE(improves(EvalMetric::kAuc, 0.8, 0.7, 0.05));
  EXPECT_FALSE(improves(EvalMetric::kAuc, 0.6, 0.7, 0));
  EXPECT_TRUE(improves(EvalMetric::kGauc, 0.1, std::nullopt, 5));
}

}  // namespace
}  // namespace strata::train
