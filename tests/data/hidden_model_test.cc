#include "data/hidden_model.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/error.h"
#include "data/generator.h"
#include "tests/sanitized.h"

namespace strata::data {
namespace {

constexpr int64_t kRows = kSanitized ? 2'000 : 20'000;

struct World {
  explicit World(const GeneratorConfig& config) : generator(config, criteo_statistics()) {
    for (int64_t i = 0; i < kRows; ++i) rows.push_back(generator.row(i * (config.rows / kRows)));
  }
  CriteoGenerator generator;
  std::vector<GeneratedRow> rows;
};

struct Moments {
  double mean = 0, deviation = 0;
};

template <class F>
Moments moments_of(const World& world, F value) {
  double sum = 0, squares = 0;
  for (const GeneratedRow& row : world.rows) {
    sum += value(row);
    squares += value(row) * value(row);
  }
  const double mean = sum / kRows;
  return {.mean = mean, .deviation = std::sqrt(squares / kRows - mean * mean)};
}

TEST(HiddenModel, BothPartsHaveTheStandardDeviationsOfTheConfig) {
  const GeneratorConfig config{.main_std = 1.2, .interaction_std = 0.7};
  const World world(config);
  const HiddenModel model(config, world.rows, 0.25);
  const auto all = HiddenModel::all_visible();
  auto single = all;
  single.interaction.fill(false);
  const auto main = [&](const auto& row) { return model.logit(row, single, nullptr); };
  const auto pairs = [&](const auto& row) { return model.logit(row, all, nullptr) - main(row); };
  EXPECT_NEAR(moments_of(world, main).deviation, 1.2, 1e-9);
  EXPECT_NEAR(moments_of(world, pairs).deviation, 0.7, 1e-9);
  const auto rate = [&](const auto& row) {
    return 1 / (1 + std::exp(-model.logit(row, all, nullptr)));
  };
  EXPECT_NEAR(moments_of(world, rate).mean, 0.25, 1e-6);
}

TEST(HiddenModel, RowsSeedLeavesTheModelAlone) {
  const GeneratorConfig config, other{.rows = 500'000, .seed = 9};
  const World world(config);
  const CriteoGenerator again(other, criteo_statistics());
  const auto all = HiddenModel::all_visible();
  for (const GeneratedRow& row : world.rows) {
    ASSERT_EQ(world.generator.logit(0, row, all, nullptr), again.logit(0, row, all, nullptr));
  }
}

TEST(HiddenModel, AnotherModelSeedIsAnotherWorld) {
  const CriteoGenerator one({}, criteo_statistics()), two({.model_seed = 2}, criteo_statistics());
  EXPECT_NE(one.row(0).ids, two.row(0).ids);
  EXPECT_NE(one.row(0).logit, two.row(0).logit);
}

TEST(HiddenModel, InteractionsNeedTwoColumns) {
  const GeneratorConfig config{.interaction_columns = {"C14", "C17"}};
  const World world(config);
  const auto all = HiddenModel::all_visible();
  auto one = all;
  one.interaction[13] = false;
  auto other = all;
  other.interaction[16] = false;
  const auto logit = [&](const auto& row, const auto& visible) {
    return world.generator.logit(0, row, visible, nullptr);
  };
  for (const GeneratedRow& row : world.rows) {
    ASSERT_EQ(logit(row, one), logit(row, other));
    ASSERT_NE(logit(row, one), logit(row, all));
  }
}

TEST(HiddenModel, NoIdTellsTheInteractions) {
  // Centred vectors: given one id, the interactions average to nothing over the other columns.
  const World world({});
  const auto all = HiddenModel::all_visible();
  auto single = all;
  single.interaction.fill(false);
  for (const int column : {5, 13, 16, 22}) {
    double sum = 0, n = 0;
    for (const GeneratedRow& row : world.rows) {
      if (row.ranks[column] != 0) continue;
      sum += row.logit - world.generator.logit(0, row, single, nullptr);
      ++n;
    }
    EXPECT_NEAR(sum / n, 0, kSanitized ? 0.15 : 0.05) << "C" << column + 1;
  }
}

TEST(HiddenModel, DriftIsContinuous) {
  const World world({.daily_drift = 0.5});
  const HiddenModel model({.daily_drift = 0.5}, world.rows, 0.25);
  double lowest = 0, highest = 0;
  for (int i = 1; i < 700; ++i) {
    const double now = model.drift(0.01 * i);
    EXPECT_NEAR(now, model.drift(0.01 * (i - 1)), 0.04);
    lowest = std::min(lowest, now);
    highest = std::max(highest, now);
  }
  EXPECT_GT(highest - lowest, 0.3);
}

TEST(HiddenModel, RefusesColumnsThatAreNone) {
  for (const char* name : {"C27", "C0", "I1", "", "C1x"}) {
    try {
      const CriteoGenerator bad({.interaction_columns = {name}}, criteo_statistics());
      FAIL() << "accepted '" << name << "'";
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::kConfig);
      EXPECT_THAT(e.what(), testing::HasSubstr(name));
    }
  }
  EXPECT_THROW(CriteoGenerator({.interaction_columns = {"C6", "C6"}}, criteo_statistics()), Error);
}

}  // namespace
}  // namespace strata::data
