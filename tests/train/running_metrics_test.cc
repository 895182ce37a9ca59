#include "train/running_metrics.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/hash.h"

namespace strata::train {
namespace {

struct Samples {
  std::vector<float> logits, labels;
};

Samples random_samples(size_t count) {
  Samples samples;
  const CounterRng rng{7};
  for (size_t i = 0; i < count; ++i) {
    const bool positive = rng.uniform(2 * i) < 0.3f;
    samples.labels.push_back(positive ? 1.0f : 0.0f);
    samples.logits.push_back(4 * rng.uniform(2 * i + 1) - 2 + (positive ? 0.7f : 0));
  }
  return samples;
}

/// Every pair counted, ties half.
double pairwise_auc(const Samples& samples) {
  double pairs = 0, won = 0;
  for (size_t i = 0; i < samples.labels.size(); ++i) {
    for (size_t j = 0; j < samples.labels.size(); ++j) {
      if (samples.labels[i] <= samples.labels[j]) continue;
      pairs += 1;
      won += samples.logits[i] > samples.logits[j]    ? 1
             : samples.logits[i] == samples.logits[j] ? 0.5
                                                      : 0;
    }
  }
  return won / pairs;
}

TEST(RunningMetrics, AucIsCloseToTheExactOne) {
  const Samples samples = random_samples(2'000);
  RunningState state;
  add_batch({.logits = samples.logits, .labels = samples.labels, .weights = {}, .loss = 0}, 1 << 30,
            state);
  ASSERT_TRUE(running_auc(state));
  EXPECT_NEAR(*running_auc(state), pairwise_auc(samples), 1e-3);
}

TEST(RunningMetrics, OneClassHasNoAuc) {
  const std::vector<float> logits = {1, 2}, labels = {1, 1};
  RunningState state;
  EXPECT_FALSE(running_auc(state));
  EXPECT_FALSE(running_loss(state));
  add_batch({.logits = logits, .labels = labels, .weights = {}, .loss = 0.5}, 100, state);
  EXPECT_FALSE(running_auc(state));
  EXPECT_DOUBLE_EQ(*running_loss(state), 0.5);
}

TEST(RunningMetrics, OldBatchesAreForgotten) {
  const std::vector<float> logits = {-1, 1}, right = {0, 1}, wrong = {1, 0};
  RunningState state;
  for (int i = 0; i < 100; ++i) {
    add_batch({.logits = logits, .labels = right, .weights = {}, .loss = 1}, 10, state);
  }
  EXPECT_DOUBLE_EQ(*running_auc(state), 1);
  for (int i = 0; i < 100; ++i) {
    add_batch({.logits = logits, .labels = wrong, .weights = {}, .loss = 3}, 10, state);
  }
  EXPECT_NEAR(*running_auc(state), 0, 1e-9);
  EXPECT_NEAR(*running_loss(state), 3, 1e-9);
}

TEST(RunningMetrics, AWindowSmallerThanABatchKeepsTheLastBatch) {
  const std::vector<float> logits = {-1, 1}, right = {0, 1}, wrong = {1, 0};
  RunningState state;
  add_batch({.logits = logits, .labels = wrong, .weights = {}, .loss = 3}, 1, state);
  add_batch({.logits = logits, .labels = right, .weights = {}, .loss = 1}, 1, state);
  EXPECT_DOUBLE_EQ(*running_auc(state), 1);
  EXPECT_DOUBLE_EQ(*running_loss(state), 1);
}

TEST(RunningMetrics, WeightsCount) {
  const std::vector<float> logits = {0, 1, -1}, labels = {1, 0, 0}, weights = {1, 3, 1};
  RunningState state;
  add_batch({.logits = logits, .labels = labels, .weights = weights, .loss = 0}, 100, state);
  EXPECT_NEAR(*running_auc(state), 0.25, 1e-9);
}

TEST(RunningMetrics, ExtremeLogitsFallIntoTheOuterBins) {
  const std::vector<float> logits = {-1e30f, 1e30f}, labels = {0, 1};
  RunningState state;
  add_batch({.logits = logits, .labels = labels, .weights = {}, .loss = 0}, 100, state);
  EXPECT_DOUBLE_EQ(*running_auc(state), 1);
}

}  // namespace
}  // namespace strata::train
