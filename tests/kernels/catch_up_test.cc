#include <gtest/gtest.h>

#include <cmath>
#include <string>
#include <vector>

#include "base/check.h"
#include "kernels/apply_rows.h"
#include "tests/kernels/row_arena.h"
#include "tests/reference/optimizers.h"

namespace strata::kernels {
namespace {

constexpr int64_t kRows = 12;
constexpr uint32_t kSteps = 60;

struct Case {
  std::string name;
  OptimizerConfig config;
};

Case exact(std::string name, OptimizerVariant algorithm, float l2, float weight_decay) {
  return {std::move(name),
          {.algorithm = algorithm,
           .mode = OptimizerMode::kExact,
           .l2 = l2,
           .weight_decay = weight_decay}};
}

std::vector<float> recorded_rates() {
  std::vector<float> rates;
  for (uint32_t t = 1; t <= kSteps; ++t) rates.push_back(0.02f / (1 + 0.05f * t));
  return rates;
}

/// Rows a batch touches at step t: row 0 always, the others ever more rarely, the last never.
std::vector<int64_t> touched_rows(uint32_t t) {
  std::vector<int64_t> out;
  for (int64_t r = 0; r + 1 < kRows; ++r) {
    if (t % (r * r + 1) == 0) out.push_back(r);
  }
  return out;
}

/// A lazily touched table in exact mode beside the dense optimizer over all rows, in double.
struct ExactRun {
  ExactRun(const OptimizerConfig& c, int d) : config(c), dim(d), arena(layout(), kRows) {
    for (int64_t r = 0; r < kRows; ++r) {
      const auto w = random_floats(50 + r, dim);
      std::copy(w.begin(), w.end(), arena.weights(r).begin());
      config.init_state(w.data(), arena.state(r).data(), dim);
      oracle.push_back({.w = {w.begin(), w.end()}, .state = {}});
      oracle[r].state = reference::first_state(config, oracle[r].w);
    }
  }

  RowLayout layout() const {
    return {.dim = dim,
            .dtype = DType::kF32,
            .state_floats = config.state_floats(dim),
            .counter_bytes = 0};
  }

  CatchUpRows catch_up(std::span<const int64_t> slots, uint32_t step) const {
    return {.rows = arena.ref(),
            .layout = arena.layout(),
            .slots = slots,
            .step = step,
            .rates = rates};
  }

  void step(uint32_t t) {
    const auto slots = touched_rows(t);
    const auto grads = random_floats(9000 + t, slots.size() * dim);
    catch_up_rows(config, catch_up(slots, t - 1));
    ApplyRows call;
    call.rows = arena.ref();
    call.layout = arena.layout();
    call.slots = slots;
    call.grads = grads.data();
    call.step = t;
    apply_rows(config.at_step(t, rates[t - 1]), call);

    std::vector<std::vector<double>> dense(kRows, std::vector<double>(dim, 0.0));
    for (size_t u = 0; u < slots.size(); ++u) {
      for (int i = 0; i < dim; ++i) dense[slots[u]][i] = grads[u * dim + i];
    }
    for (int64_t r = 0; r < kRows; ++r) {
      reference::step(config, t, rates[t - 1], oracle[r], dense[r]);
    }
  }

  /// Largest difference from the oracle over the rows' weights, relative to the largest weight.
  double error_of(std::span<const float> weights) const {
    double worst = 0;
    double largest = 0;
    for (int64_t r = 0; r < kRows; ++r) {
      for (int i = 0; i < dim; ++i) {
        worst = std::max(worst, std::abs(weights[r * dim + i] - oracle[r].w[i]));
        largest = std::max(largest, std::abs(oracle[r].w[i]));
      }
    }
    return worst / largest;
  }

  OptimizerConfig config;
  int dim;
  std::vector<float> rates = recorded_rates();
  RowArena arena;
  std::vector<reference::Row> oracle;
};

class ExactMode : public testing::TestWithParam<Case> {};
INSTANTIATE_TEST_SUITE_P(
    Combinations, ExactMode,
    testing::Values(exact("sgd_l2", Sgd{}, 0.1f, 0), exact("sgd_decay", Sgd{}, 0, 0.2f),
                    exact("momentum", Momentum{}, 0, 0),
                    exact("nesterov_l2", Momentum{.nesterov = true}, 0.1f, 0),
                    exact("adam", Adam{}, 0, 0), exact("adam_l2", Adam{}, 0.1f, 0),
                    exact("adamw", Adam{}, 0, 0.3f), exact("rowwise_adam", RowwiseAdam{}, 0, 0),
                    exact("rowwise_adam_l2_decay", RowwiseAdam{}, 0.1f, 0.1f),
                    exact("adagrad_l2", Adagrad{}, 0.05f, 0),
                    exact("rowwise_adagrad_l2", RowwiseAdagrad{}, 0.05f, 0),
                    exact("adagrad", Adagrad{}, 0, 0), exact("ftrl", Ftrl{}, 0, 0)),
    [](const auto& info) { return info.param.name; });

TEST_P(ExactMode, EqualsTheDenseOptimizerToOneInAMillion) {
  for (int dim : {1, 16, 17}) {
    ExactRun run(GetParam().config, dim);
    for (uint32_t t = 1; t <= kSteps; ++t) run.step(t);
    const auto all = shuffled_slots(0, kRows);
    catch_up_rows(run.config, run.catch_up(all, kSteps));
    std::vector<float> weights;
    for (int64_t r = 0; r < kRows; ++r) {
      const auto w = run.arena.weights(r);
      weights.insert(weights.end(), w.begin(), w.end());
    }
    EXPECT_LT(run.error_of(weights), 1e-6) << "dim " << dim;
  }
}

TEST_P(ExactMode, ReadingThroughChangesNothingAndEqualsCatchingUp) {
  ExactRun run(GetParam().config, 16);
  for (uint32_t t = 1; t <= kSteps; ++t) run.step(t);
  std::vector<int64_t> slots(kRows);
  for (int64_t r = 0; r < kRows; ++r) slots[r] = r;
  const RowArena before = run.arena;
  std::vector<float> read(kRows * 16);
  read_caught_up_rows(run.config, run.catch_up(slots, kSteps), read.data());
  EXPECT_TRUE(run.arena == before);
  catch_up_rows(run.config, run.catch_up(slots, kSteps));
  for (int64_t r = 0; r < kRows; ++r) {
    for (int i = 0; i < 16; ++i) ASSERT_EQ(read[r * 16 + i], run.arena.weights(r)[i]);
  }
  EXPECT_LT(run.error_of(read), 1e-6);
}

TEST_P(ExactMode, CatchingUpInTwoStrokesEqualsOne) {
  ExactRun run(GetParam().config, 16);
  for (uint32_t t = 1; t <= 7; ++t) run.step(t);
  const RowArena once = run.arena;
  const std::vector<int64_t> slots = {3, 11, -1, 5};
  catch_up_rows(run.config, run.catch_up(slots, 20));
  catch_up_rows(run.config, run.catch_up(slots, kSteps));
  CatchUpRows whole = run.catch_up(slots, kSteps);
  whole.rows = once.ref();
  catch_up_rows(run.config, whole);
  EXPECT_TRUE(once == run.arena);
  if (run.config.needs_catch_up()) {
    EXPECT_EQ(run.arena.stamp(11), kSteps);
  }
}

TEST(CatchUp, NeedsTheRatesOfEveryStep) {
  ExactRun run(exact("", Momentum{}, 0, 0).config, 4);
  run.rates.resize(3);
  const std::vector<int64_t> slots = {0};
  EXPECT_THROW(catch_up_rows(run.config, run.catch_up(slots, 4)), CheckFailure);
}

TEST(CatchUp, LazyRowsReadAsTheyAre) {
  OptimizerConfig lazy{.algorithm = Adam{}};
  const RowLayout layout{.dim = 3, .dtype = DType::kBf16, .state_floats = 6, .counter_bytes = 0};
  RowArena arena(layout, 2);
  const uint16_t one = 0x3f80;
  std::memcpy(arena.row(1) + 2, &one, 2);
  std::vector<float> out(6, -1);
  const std::vector<int64_t> slots = {-1, 1};
  read_caught_up_rows(
      lazy, {.rows = arena.ref(), .layout = layout, .slots = slots, .step = 9, .rates = {}},
      out.data());
  EXPECT_EQ(out, (std::vector<float>{-1, -1, -1, 0, 1, 0}));
}

}  // namespace
}  // namespace strata::kernels
