#include "train/key_histogram.h"

#include <gtest/gtest.h>

#include <cmath>
#include <unordered_map>

#include "base/error.h"
#include "base/hash.h"
#include "tests/error_of.h"
#include "train/key_growth.h"

namespace strata::train {
namespace {

/// Ids whose frequencies fall as a power of their rank; `seed` picks other draws and ids.
class PowerLaw {
 public:
  PowerLaw(uint64_t seed, double skew) : rng_{mix64(seed)}, power_(1 - skew) {}
  uint64_t draw() {
    const double u = static_cast<double>(rng_.bits(next_++) >> 11) * 0x1p-53;
    return static_cast<uint64_t>(std::pow(1 + u * (std::pow(kRanks, power_) - 1), 1 / power_));
  }

 private:
  static constexpr double kRanks = 5e6;
  CounterRng rng_;
  double power_;
  uint64_t next_ = 0;
};

TEST(KeyHistogram, FewKeysAreCountedExactly) {
  KeyCounter counter;
  for (int i = 0; i < 100; ++i) counter.add(7);
  for (uint64_t id = 100; id < 150; ++id) counter.add(id);
  const KeyHistogram histogram = counter.finish();
  ASSERT_EQ(histogram.classes.size(), 2u);
  EXPECT_EQ(histogram.classes[0].count, 1);
  EXPECT_EQ(histogram.classes[0].keys, 50);
  EXPECT_EQ(histogram.classes[1].count, 100);
  EXPECT_EQ(histogram.classes[1].keys, 1);
}

TEST(KeyHistogram, ManyKeysAreSampledAndTheFrequentOnesKept) {
  PowerLaw law(1, 1.05);
  KeyCounter counter;
  std::unordered_map<uint64_t, int64_t> all;
  constexpr int kDraws = 1'500'000;
  for (int i = 0; i < kDraws; ++i) {
    const uint64_t id = law.draw();
    counter.add(id);
    ++all[id];
  }
  ASSERT_GT(all.size(), 4 * KeyCounter::kMostKeys);
  const KeyHistogram histogram = counter.finish();
  const auto keys = static_cast<double>(all.size());
  EXPECT_NEAR(histogram.keys() / keys, 1, 0.02);
  EXPECT_NEAR(histogram.occurrences() / kDraws, 1, 0.02);
  double once = 0;
  for (const auto& [id, count] : all) once += count == 1;
  EXPECT_NEAR(histogram.classes[0].keys / once, 1, 0.02);
}

TEST(KeyHistogram, AFileGivesItBack) {
  DataHistogram histogram{.rows = 10, .data_rows = 100};
  histogram.tables["C1"].classes = {{1, 5.5}, {2.25, 3}, {400, 1}};
  const DataHistogram read = histogram_from_json(to_json(histogram).dump());
  EXPECT_EQ(read.rows, 10);
  EXPECT_EQ(read.data_rows, 100);
  ASSERT_EQ(read.tables.at("C1").classes.size(), 3u);
  EXPECT_EQ(read.tables.at("C1").classes[1].count, 2.25);
  EXPECT_EQ(read.tables.at("C1").classes[1].keys, 3);
}

TEST(KeyHistogram, AFileThatIsNoneIsRefused) {
  for (const char* text :
       {"", "{}", "[1]", R"({"format": "other", "rows": 1, "data_rows": 1, "tables": {}})",
        R"({"format": "strata key histogram 1", "rows": 0, "data_rows": 1, "tables": {}})",
        R"({"format": "strata key histogram 1", "rows": 1, "data_rows": 1,
            "tables": {"a": [[0, 1]]}})",
        R"({"format": "strata key histogram 1", "rows": 1, "data_rows": 1,
            "tables": {"a": [[1]]}})"}) {
    EXPECT_EQ(error_of([&] { histogram_from_json(text); }).code(), ErrorCode::kData) << text;
  }
}

TEST(KeyHistogram, DeclaredRatesGiveWhatDrawingGives) {
  constexpr double kDraws = 200'000;
  const std::vector<KeyRate> rates = {
      {.share = 0.3, .keys = 1}, {.share = 1e-3, .keys = 400}, {.share = 3e-6, .keys = 100'000}};
  const KeyHistogram histogram = expected_histogram(rates, kDraws);
  EXPECT_NEAR(histogram.occurrences() / kDraws, 1, 1e-3);
  const double rare = 100'000 * (1 - std::exp(-0.6));
  EXPECT_NEAR(histogram.keys(), 401 + rare, 1);
}

TEST(KeyGrowth, WithinWhatWasCountedItIsWhatPartsOfItHave) {
  PowerLaw law(2, 1.2);
  KeyCounter counter;
  std::unordered_map<uint64_t, int64_t> seen;
  std::vector<std::pair<int, double>> marks;
  constexpr int kDraws = 200'000;
  for (int i = 1; i <= kDraws; ++i) {
    const uint64_t id = law.draw();
    counter.add(id);
    ++seen[id];
    if (i == 1000 || i == 20'000 || i == kDraws) marks.emplace_back(i, seen.size());
  }
  const KeyGrowth growth(counter.finish(), kDraws);
  for (const auto& [draws, keys] : marks) {
    EXPECT_NEAR(growth.distinct(draws) / keys, 1, 0.03) << draws;
    EXPECT_NEAR(growth.occurrences(growth.distinct(draws)) / draws, 1, 1e-6) << draws;
  }
  EXPECT_EQ(growth.distinct(10.0 * kDraws), growth.distinct(kDraws)) << "a second epoch";
  EXPECT_TRUE(std::isinf(growth.occurrences(growth.distinct(kDraws) + 1)));
}

TEST(KeyGrowth, BeyondWhatWasCountedItGoesOnAsThePowerLawDoes) {
  for (const double skew : {0.7, 1.2, 1.6}) {
    PowerLaw law(3, skew);
    KeyCounter counter;
    std::unordered_map<uint64_t, int64_t> seen;
    constexpr int kCounted = 100'000;
    constexpr int kDraws = 1'000'000;
    for (int i = 0; i < kDraws; ++i) {
      const uint64_t id = law.draw();
      if (i < kCounted) counter.add(id);
      ++seen[id];
    }
    const KeyGrowth growth(counter.finish(), kDraws);
    const auto keys = static_cast<double>(seen.size());
    EXPECT_NEAR(growth.distinct(kDraws) / keys, 1, 0.12) << skew;
  }
}

TEST(KeyGrowth, ATableThatHasAllItsKeysDoesNotGrow) {
  KeyCounter counter;
  for (uint64_t i = 0; i < 10'000; ++i) counter.add(i % 100);
  const KeyGrowth growth(counter.finish(), 1e6);
  EXPECT_NEAR(growth.distinct(1e6), 100, 1e-6);
}

}  // namespace
}  // namespace strata::train
