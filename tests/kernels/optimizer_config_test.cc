#include "kernels/optimizer_config.h"

#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

namespace strata::kernels {
namespace {

/// Collects the keys a config shows.
struct KeyCollector {
  std::vector<std::string> keys;
  template <class... Ts>
  void flatten(std::variant<Ts...>& v) {
    keys.push_back("name");
    std::visit([this](auto& alternative) { alternative.visit(*this); }, v);
  }
  template <class T>
  void operator()(std::string_view key, T&, const FieldSpec& spec) {
    EXPECT_FALSE(spec.doc.empty()) << key;
    keys.emplace_back(key);
  }
};

template <class Opt>
class EveryOptimizerConfig : public testing::Test {};
TYPED_TEST_SUITE(EveryOptimizerConfig, AllOptimizers::Rebind<testing::Types>);

TYPED_TEST(EveryOptimizerConfig, ShowsEachKeyOnceWithADocumentation) {
  OptimizerConfig config{.algorithm = TypeParam{}};
  KeyCollector collector;
  config.visit(collector);
  const std::set<std::string> distinct(collector.keys.begin(), collector.keys.end());
  EXPECT_EQ(distinct.size(), collector.keys.size());
  EXPECT_TRUE(distinct.contains("learning_rate"));
  EXPECT_TRUE(distinct.contains("mode"));
  EXPECT_TRUE(distinct.contains("l2"));
}

TYPED_TEST(EveryOptimizerConfig, StateHasTheDeclaredSizeAndIsFinite) {
  const OptimizerConfig config{.algorithm = TypeParam{}};
  for (int dim : {1, 7, 16}) {
    std::vector<float> w(dim, 0.5f);
    std::vector<float> state(config.state_floats(dim) + 1, -7.0f);
    config.init_state(w.data(), state.data(), dim);
    EXPECT_EQ(state.back(), -7.0f);
    for (size_t i = 0; i + 1 < state.size(); ++i) EXPECT_NE(state[i], -7.0f);
  }
}

TYPED_TEST(EveryOptimizerConfig, RateOfTheStepReplacesTheConfiguredOne) {
  const OptimizerConfig config{.algorithm = TypeParam{}, .weight_decay = 0.5f};
  const OptimizerStep step = config.at_step(3, 0.25f);
  std::visit([](const auto& o) { EXPECT_EQ(o.learning_rate, 0.25f); }, step.algorithm);
  EXPECT_EQ(step.keep, 1 - 0.25f * 0.5f);
  EXPECT_EQ(config.learning_rate(), TypeParam{}.learning_rate);
  EXPECT_EQ(config.name(), TypeParam::kName);
}

TEST(OptimizerConfig, ExactNeedsCatchUpOnlyWhereUntouchedRowsChange) {
  const auto needs = [](OptimizerVariant algorithm, float l2, float decay) {
    return OptimizerConfig{
        .algorithm = algorithm, .mode = OptimizerMode::kExact, .l2 = l2, .weight_decay = decay}
        .needs_catch_up();
  };
  EXPECT_FALSE(needs(Sgd{}, 0, 0));
  EXPECT_FALSE(needs(Adagrad{}, 0, 0));
  EXPECT_FALSE(needs(RowwiseAdagrad{}, 0, 0));
  EXPECT_FALSE(needs(Ftrl{}, 0, 0));
  EXPECT_TRUE(needs(Sgd{}, 0.1f, 0));
  EXPECT_TRUE(needs(Adagrad{}, 0, 0.1f));
  EXPECT_TRUE(needs(Momentum{}, 0, 0));
  EXPECT_TRUE(needs(Adam{}, 0, 0));
  EXPECT_TRUE(needs(RowwiseAdam{}, 0, 0));
  EXPECT_FALSE((OptimizerConfig{.algorithm = Adam{}, .l2 = 1}).needs_catch_up());
}

TEST(OptimizerConfig, RefusesWhatCannotBeExactWithAReason) {
  OptimizerConfig config{.algorithm = Adam{}, .mode = OptimizerMode::kExact};
  EXPECT_EQ(config.refusal(DType::kF32), std::nullopt);
  ASSERT_TRUE(config.refusal(DType::kBf16).has_value());
  EXPECT_NE(config.refusal(DType::kBf16)->find("bf16"), std::string::npos);
  config.mode = OptimizerMode::kLazy;
  EXPECT_EQ(config.refusal(DType::kBf16), std::nullopt);
  config = {.algorithm = Adagrad{}, .mode = OptimizerMode::kExact};
  EXPECT_EQ(config.refusal(DType::kF16), std::nullopt);
}

TEST(OptimizerConfig, RefusesASecondRegularisationBesideFtrls) {
  OptimizerConfig config{.algorithm = Ftrl{.l2 = 1}};
  EXPECT_EQ(config.refusal(DType::kF32), std::nullopt);
  config.l2 = 0.1f;
  EXPECT_TRUE(config.refusal(DType::kF32).has_value());
  config = {.algorithm = Ftrl{}, .weight_decay = 0.1f};
  EXPECT_TRUE(config.refusal(DType::kF32).has_value());
}

TEST(BiasCorrection, EqualsTheFormulaOnBothSidesOfItsShortcut) {
  for (int64_t step : {1, 2, 10, 199, 201, 19'999, 20'001, 1'000'000}) {
    const auto c = BiasCorrection::at_step(step, 0.9f, 0.999f);
    EXPECT_FLOAT_EQ(c.first, 1 / (1 - std::pow(static_cast<double>(0.9f), step)));
    EXPECT_FLOAT_EQ(c.second_root, 1 / std::sqrt(1 - std::pow(static_cast<double>(0.999f), step)));
  }
}

}  // namespace
}  // namespace strata::kernels
