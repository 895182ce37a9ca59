#include "data/generator.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <unordered_set>

#include "data/generator_writer.h"
#include "tests/sanitized.h"

namespace strata::data {
namespace {

// The published distinct counts are at this size.
constexpr int64_t kPublishedRows = 137'139;
constexpr int64_t kSampleRows = kSanitized ? 10'000 : kPublishedRows;

/// `tolerance` of a share in the published rows, in those of the sample.
double near_share(double tolerance) {
  return tolerance * std::sqrt(static_cast<double>(kPublishedRows) / kSampleRows);
}

const CriteoGenerator& generator() {
  static const CriteoGenerator instance({.rows = kPublishedRows}, criteo_statistics());
  return instance;
}

const std::vector<GeneratedRow>& sample() {
  static const std::vector<GeneratedRow> rows = [] {
    std::vector<GeneratedRow> out;
    for (int64_t i = 0; i < kSampleRows; ++i) out.push_back(generator().row(i));
    return out;
  }();
  return rows;
}

double null_rate(int column) {
  return static_cast<double>(std::ranges::count_if(
             sample(),
             [=](const auto& row) { return row.ranks[column] == GeneratedRow::kNoRank; })) /
         kSampleRows;
}

TEST(CriteoGenerator, ARowIsAFunctionOfConfigAndIndex) {
  const CriteoGenerator again({.rows = kPublishedRows}, criteo_statistics());
  const CriteoGenerator other({.rows = kPublishedRows, .seed = 2}, criteo_statistics());
  int same = 0;
  for (int64_t i = 1000; i >= 0; --i) {
    ASSERT_EQ(again.row(i).ids, sample()[i].ids);
    ASSERT_EQ(again.row(i).integers, sample()[i].integers);
    ASSERT_EQ(again.row(i).logit, sample()[i].logit);
    ASSERT_EQ(again.row(i).label, sample()[i].label);
    same += other.row(i).ids == sample()[i].ids;
  }
  EXPECT_EQ(same, 0);
}

TEST(CriteoGenerator, NullRatesAndSharesFollowTheStatistics) {
  const CriteoStatistics facts = criteo_statistics();
  for (int c = 0; c < kCriteoCategories; ++c) {
    EXPECT_NEAR(null_rate(c), facts.categories[c].null_rate, near_share(0.006)) << "C" << c + 1;
    const auto top =
        std::ranges::count_if(sample(), [&](const auto& row) { return row.ranks[c] == 0; });
    const double share = static_cast<double>(top) / kSampleRows / (1 - null_rate(c));
    EXPECT_NEAR(share, facts.categories[c].head[0], near_share(0.01)) << "C" << c + 1;
  }
  for (int i = 0; i < kCriteoIntegers; ++i) {
    std::vector<int64_t> values;
    for (const auto& row : sample()) {
      if (row.integers[i] != GeneratedRow::kMissing) values.push_back(row.integers[i]);
    }
    const double nulls = 1 - static_cast<double>(values.size()) / kSampleRows;
    EXPECT_NEAR(nulls, facts.integers[i].null_rate, near_share(0.006)) << "I" << i + 1;
    std::ranges::nth_element(values, values.begin() + static_cast<int64_t>(values.size()) / 2);
    const auto median = static_cast<double>(values[values.size() / 2]);
    EXPECT_NEAR(median, facts.integers[i].median, 1 + near_share(0.1) * facts.integers[i].median)
        << "I" << i + 1;
  }
}

TEST(CriteoGenerator, MissingGroupsAreMissingTogether) {
  for (const auto& row : sample()) {
    const auto none = [&](int i) { return row.integers[i - 1] == GeneratedRow::kMissing; };
    const auto empty = [&](int c) { return row.ranks[c - 1] == GeneratedRow::kNoRank; };
    ASSERT_EQ(none(1), none(10));
    ASSERT_EQ(none(4), none(13));
    ASSERT_TRUE(none(7) == none(9) && none(9) == none(11));
    for (int c : {4, 12, 16, 21, 24}) ASSERT_EQ(empty(3), empty(c));
    for (int c : {20, 25, 26}) ASSERT_EQ(empty(19), empty(c));
  }
}

TEST(CriteoGenerator, GiantsGrowLikeTheRealOnes) {
  if (kSanitized) GTEST_SKIP() << "the sample is smaller there";
  // Distinct values among 137,139 rows of the real set, for the four near-copies and C4.
  const std::pair<int, double> facts[] = {{3, 61764}, {4, 32223}, {16, 46382}};
  for (const auto& [column, distinct] : facts) {
    std::unordered_set<uint64_t> seen;
    for (const auto& row : sample()) seen.insert(row.identity[column - 1]);
    EXPECT_NEAR(static_cast<double>(seen.size()), distinct, 0.2 * distinct) << "C" << column;
  }
  int64_t same = 0, present = 0;
  for (const auto& row : sample()) {
    if (row.ranks[2] < 1000 && row.ranks[2] >= 0) {
      ++present;
      same += std::abs(row.ranks[2] - row.ranks[11]) < 1000;
    }
  }
  EXPECT_GT(static_cast<double>(same), 0.9 * static_cast<double>(present));
}

TEST(CriteoGenerator, PositiveRateIsMet) {
  const auto positives = std::ranges::count_if(sample(), [](const auto& r) { return r.label; });
  EXPECT_NEAR(static_cast<double>(positives) / kSampleRows, 0.2562, near_share(0.02));
}

TEST(CriteoGenerator, HidingEveryEffectLeavesTheIntegers) {
  const CriteoGenerator::Visibility none{}, all = HiddenModel::all_visible();
  double variance = 0;
  const GeneratedRow& row = sample()[7];
  EXPECT_NE(generator().logit(7, row, none, &variance), generator().logit(7, row, all, nullptr));
  EXPECT_GT(variance, 0);
  double unchanged = 0;
  EXPECT_EQ(generator().logit(7, row, all, &unchanged), row.logit);
  EXPECT_EQ(unchanged, 0);
}

TEST(GeneratorWriter, BytesDoNotDependOnThreads) {
  std::string one, two;
  ThreadPool single(1), pair(2);
  generate_tsv(generator(), 100, 20'100, single, [&](std::string_view text) { one += text; });
  generate_tsv(generator(), 100, 20'100, pair, [&](std::string_view text) { two += text; });
  EXPECT_EQ(one, two);
  EXPECT_EQ(std::ranges::count(one, '\n'), 20'000);
  EXPECT_EQ(std::ranges::count(one.substr(0, one.find('\n')), '\t'), 39);
}

}  // namespace
}  // namespace strata::data
