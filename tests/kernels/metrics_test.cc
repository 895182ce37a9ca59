#include "kernels/metrics.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>
#include <vector>

#include "base/check.h"
#include "base/error.h"
#include "base/hash.h"

namespace strata::kernels {
namespace {

struct Set {
  std::vector<float> logits, labels, weights;
  std::vector<uint64_t> groups;
  EvalSamples all() const { return {logits, labels, weights, groups}; }
};

/// Logits on a coarse grid (many ties) that carry some signal.
Set random_set(uint64_t seed, int n, int group_count = 0, bool weighted = false) {
  const CounterRng rng{mix64(seed)};
  Set set;
  for (int i = 0; i < n; ++i) {
    const bool label = rng.uniform(4 * i) < 0.3f;
    const float noise = rng.uniform(4 * i + 1) * 4 - 2 + (label ? 0.7f : 0.0f);
    set.logits.push_back(std::round(noise * 8) / 8);
    set.labels.push_back(label);
    if (weighted) set.weights.push_back(static_cast<float>(rng.below(4 * i + 2, 4)) * 0.5f);
    if (group_count) set.groups.push_back(mix64(rng.below(4 * i + 3, group_count)));
  }
  return set;
}

/// All pairs.
std::optional<double> naive_auc(const Set& set, const std::vector<size_t>& members) {
  double ordered = 0, pairs = 0;
  for (size_t p : members) {
    for (size_t q : members) {
      if (set.labels[p] != 1 || set.labels[q] != 0) continue;
      const double weight =
          set.weights.empty() ? 1 : static_cast<double>(set.weights[p]) * set.weights[q];
      pairs += weight;
      if (set.logits[p] > set.logits[q]) ordered += weight;
      if (set.logits[p] == set.logits[q]) ordered += weight / 2;
    }
  }
  if (pairs == 0) return std::nullopt;
  return ordered / pairs;
}

std::vector<size_t> everyone(const Set& set) {
  std::vector<size_t> out(set.logits.size());
  for (size_t i = 0; i < out.size(); ++i) out[i] = i;
  return out;
}

EvalMetrics metrics_of(const Set& set) {
  MetricsAccumulator accumulator;
  accumulator.add(set.all());
  return accumulator.compute();
}

TEST(Metrics, AucEqualsAllPairsWithTiesHalf) {
  for (bool weighted : {false, true}) {
    for (int n : {2, 3, 31, 32, 33, 1000}) {
      const Set set = random_set(n, n, 0, weighted);
      const auto want = naive_auc(set, everyone(set));
      const auto got = metrics_of(set).auc;
      ASSERT_EQ(got.has_value(), want.has_value());
      if (want) {
        EXPECT_NEAR(*got, *want, 1e-12);
      }
    }
  }
}

TEST(Metrics, AucOfHandMadeCases) {
  EXPECT_EQ(metrics_of({{1, 2}, {0, 1}, {}, {}}).auc, 1.0);
  EXPECT_EQ(metrics_of({{2, 1}, {0, 1}, {}, {}}).auc, 0.0);
  EXPECT_EQ(metrics_of({{1, 1}, {0, 1}, {}, {}}).auc, 0.5);
  EXPECT_EQ(metrics_of({{-0.0f, 0.0f}, {0, 1}, {}, {}}).auc, 0.5);
  EXPECT_EQ(metrics_of({{-3, -1, 2, 1e30f}, {0, 1, 0, 1}, {}, {}}).auc, 0.75);
}

TEST(Metrics, OneClassOrNothingIsUndefined) {
  const EvalMetrics one = metrics_of({{1, 2}, {1, 1}, {}, {}});
  EXPECT_EQ(one.auc, std::nullopt);
  EXPECT_EQ(one.normalized_entropy, std::nullopt);
  EXPECT_TRUE(one.logloss.has_value());
  const EvalMetrics weightless = metrics_of({{1, 2}, {0, 1}, {1, 0}, {}});
  EXPECT_EQ(weightless.auc, std::nullopt);
  const EvalMetrics none = metrics_of({});
  EXPECT_EQ(none.auc, std::nullopt);
  EXPECT_EQ(none.logloss, std::nullopt);
  EXPECT_EQ(none.calibration, std::nullopt);
  EXPECT_EQ(none.samples, 0);
  EXPECT_EQ(metrics_of({{1}, {0}, {}, {}}).calibration, std::nullopt);
}

TEST(Metrics, LossEntropyAndCalibrationEqualTheirFormulas) {
  const Set set = random_set(5, 500, 0, true);
  double loss = 0, weight = 0, positives = 0, predicted = 0;
  for (size_t i = 0; i < 500; ++i) {
    const double p = 1 / (1 + std::exp(-static_cast<double>(set.logits[i])));
    const double w = set.weights[i];
    loss -= w * (set.labels[i] == 1 ? std::log(p) : std::log(1 - p));
    weight += w;
    positives += w * set.labels[i];
    predicted += w * p;
  }
  const double rate = positives / weight;
  const double entropy = -rate * std::log(rate) - (1 - rate) * std::log(1 - rate);
  const EvalMetrics m = metrics_of(set);
  EXPECT_NEAR(*m.logloss, loss / weight, 1e-12);
  EXPECT_NEAR(*m.normalized_entropy, loss / weight / entropy, 1e-12);
  EXPECT_NEAR(*m.calibration, predicted / positives, 1e-12);
  EXPECT_NEAR(m.weight, weight, 1e-12);
  EXPECT_EQ(m.samples, 500);
}

TEST(Metrics, GroupAucIsTheWeightedMeanOverGroupsWithBothClasses) {
  for (bool weighted : {false, true}) {
    const Set set = random_set(9, 600, 90, weighted);
    std::map<uint64_t, std::vector<size_t>> members;
    for (size_t i = 0; i < set.groups.size(); ++i) members[set.groups[i]].push_back(i);
    double sum = 0, weight = 0;
    int64_t defined = 0;
    for (const auto& [group, who] : members) {
      const auto auc = naive_auc(set, who);
      if (!auc) continue;
      double w = 0;
      for (size_t i : who) w += weighted ? set.weights[i] : 1;
      sum += w * *auc;
      weight += w;
      ++defined;
    }
    const EvalMetrics m = metrics_of(set);
    EXPECT_NEAR(*m.group_auc, sum / weight, 1e-12);
    EXPECT_EQ(m.groups, static_cast<int64_t>(members.size()));
    EXPECT_EQ(m.groups_with_auc, defined);
    EXPECT_LT(defined, m.groups);
  }
}

TEST(Metrics, GroupsMayDifferInAnyBit) {
  for (int bit = 0; bit < 64; ++bit) {
    const uint64_t other = uint64_t{1} << bit;
    const EvalMetrics m = metrics_of({{1, 3, 2, 4}, {0, 1, 1, 0}, {}, {0, other, 0, other}});
    EXPECT_EQ(m.groups, 2);
    EXPECT_EQ(m.group_auc, 0.5);
  }
}

TEST(Metrics, BatchesAreOneSetAndOrderOfBatchesDoesNotChangeAuc) {
  const Set set = random_set(3, 1000, 20, true);
  const EvalMetrics whole = metrics_of(set);
  MetricsAccumulator accumulator;
  const auto slice = [&](size_t begin, size_t count) {
    const EvalSamples s = set.all();
    return EvalSamples{s.logits.subspan(begin, count), s.labels.subspan(begin, count),
                       s.weights.subspan(begin, count), s.groups.subspan(begin, count)};
  };
  accumulator.add(slice(0, 0));
  accumulator.add(slice(0, 333));
  EXPECT_TRUE(accumulator.compute().auc.has_value());
  accumulator.add(slice(333, 667));
  const EvalMetrics parts = accumulator.compute();
  EXPECT_EQ(parts.auc, whole.auc);
  EXPECT_EQ(parts.logloss, whole.logloss);
  EXPECT_EQ(parts.group_auc, whole.group_auc);
  accumulator.clear();
  accumulator.add(slice(333, 667));
  accumulator.add(slice(0, 333));
  EXPECT_EQ(accumulator.compute().auc, whole.auc);
}

TEST(Metrics, AucIsInvariantUnderMonotoneMapsAndMirrorsUnderNegation) {
  Set set = random_set(4, 400);
  const double auc = *metrics_of(set).auc;
  Set mapped = set;
  for (float& x : mapped.logits) x = std::exp(x) - 5;
  EXPECT_EQ(*metrics_of(mapped).auc, auc);
  for (float& x : set.logits) x = -x;
  EXPECT_NEAR(*metrics_of(set).auc, 1 - auc, 1e-12);
}

TEST(Metrics, ALogitThatIsNotFiniteStopsTheRun) {
  MetricsAccumulator accumulator;
  const Set bad{{1, std::numeric_limits<float>::quiet_NaN()}, {0, 1}, {}, {}};
  try {
    accumulator.add(bad.all());
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kDiverged);
    EXPECT_NE(std::string(e.what()).find("sample 1"), std::string::npos);
  }
  EXPECT_EQ(accumulator.samples(), 0);
  EXPECT_THROW(accumulator.add(Set{{1}, {0.5f}, {}, {}}.all()), CheckFailure);
  EXPECT_THROW(accumulator.add(Set{{1}, {}, {}, {}}.all()), CheckFailure);
}

}  // namespace
}  // namespace strata::kernels
