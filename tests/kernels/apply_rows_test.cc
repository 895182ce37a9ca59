#include "kernels/apply_rows.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/check.h"
#include "kernels/convert.h"
#include "tests/kernels/row_arena.h"
#include "tests/reference/optimizers.h"

namespace strata::kernels {
namespace {

RowLayout layout_of(const OptimizerConfig& config, int dim, DType dtype = DType::kF32) {
  return {.dim = dim, .dtype = dtype, .state_floats = config.state_floats(dim), .counter_bytes = 4};
}

/// An arena of rows with random weights and first state, and the same rows in double.
struct Rows {
  Rows(const OptimizerConfig& config, int dim, int64_t count, DType dtype = DType::kF32)
      : arena(layout_of(config, dim, dtype), count) {
    for (int64_t r = 0; r < count; ++r) {
      auto w = random_floats(100 + r, dim);
      narrow(dtype, w.data(), dim, arena.row(r));
      widen(dtype, arena.row(r), dim, w.data());
      config.init_state(w.data(), arena.state(r).data(), dim);
      reference::Row row{.w = {w.begin(), w.end()}, .state = {}};
      row.state = reference::first_state(config, row.w);
      oracle.push_back(row);
    }
  }
  RowArena arena;
  std::vector<reference::Row> oracle;
};

struct StepInput {
  std::vector<int64_t> slots;
  std::vector<float> grads;
  std::vector<uint64_t> keys;
};

StepInput step_input(int64_t step, int64_t rows, int64_t touched, int dim) {
  StepInput in;
  in.slots = shuffled_slots(step, rows);
  in.slots.resize(touched);
  in.grads = random_floats(7000 + step, static_cast<size_t>(touched) * dim);
  for (int64_t slot : in.slots) in.keys.push_back(mix64(slot + 1));
  return in;
}

ApplyRows call_of(const RowArena& arena, const StepInput& in, int64_t step) {
  ApplyRows call;
  call.rows = arena.ref();
  call.layout = arena.layout();
  call.slots = in.slots;
  call.grads = in.grads.data();
  call.keys = in.keys.data();
  call.step = static_cast<uint32_t>(step);
  call.seed = 5;
  return call;
}

struct OracleStep {
  int64_t step;
  float rate;
  float scale = 1;
};

void step_oracle(const OptimizerConfig& config, const StepInput& in, const OracleStep& at,
                 std::vector<reference::Row>& rows) {
  for (size_t u = 0; u < in.slots.size(); ++u) {
    reference::Row& row = rows[in.slots[u]];
    std::vector<double> g(row.w.size());
    for (size_t i = 0; i < g.size(); ++i) {
      g[i] = static_cast<double>(at.scale) * in.grads[u * g.size() + i];
    }
    reference::step(config, at.step, at.rate, row, g);
  }
}

void expect_near(const RowArena& arena, const std::vector<reference::Row>& oracle, double bound) {
  for (size_t r = 0; r < oracle.size(); ++r) {
    const auto w = arena.weights(r);
    const auto s = arena.state(r);
    for (size_t i = 0; i < w.size(); ++i) {
      ASSERT_NEAR(w[i], oracle[r].w[i], bound * (1 + std::abs(oracle[r].w[i])))
          << "row " << r << " weight " << i;
    }
    for (size_t i = 0; i < s.size(); ++i) {
      ASSERT_NEAR(s[i], oracle[r].state[i], bound * (1 + std::abs(oracle[r].state[i])))
          << "row " << r << " state " << i;
    }
  }
}

/// Every optimizer of the list passes every test of this suite.
template <class Opt>
class EveryOptimizer : public testing::Test {
 protected:
  OptimizerConfig config{.algorithm = Opt{}};
  float rate = 0.05f;

  void step(const RowArena& arena, const StepInput& in, int64_t t, float scale = 1) const {
    ApplyRows call = call_of(arena, in, t);
    call.scale = scale;
    apply_rows(config.at_step(t, rate), call);
  }
};
TYPED_TEST_SUITE(EveryOptimizer, AllOptimizers::Rebind<testing::Types>);

TYPED_TEST(EveryOptimizer, EqualsTheOracleOverSizesAndWidths) {
  for (int dim : {1, 4, 8, 10, 16, 17, 32, 64, 128}) {
    for (int64_t touched : {0, 1, 31, 32, 33, 1000}) {
      if (touched == 1000 && dim != 16 && dim != 17) continue;
      Rows rows(this->config, dim, touched + 3);
      for (int64_t t = 1; t <= 4; ++t) {
        const StepInput in = step_input(t, touched + 3, touched, dim);
        this->step(rows.arena, in, t);
        step_oracle(this->config, in, {t, this->rate}, rows.oracle);
      }
      expect_near(rows.arena, rows.oracle, 5e-6);
    }
  }
}

TYPED_TEST(EveryOptimizer, ScaleL2AndDecayAreAppliedOnceOutsideTheFormula) {
  if (!std::is_same_v<TypeParam, Ftrl>) {
    this->config.l2 = 0.1f;
    this->config.weight_decay = 0.3f;
  }
  Rows rows(this->config, 16, 40);
  for (int64_t t = 1; t <= 10; ++t) {
    const StepInput in = step_input(t, 40, 30, 16);
    this->step(rows.arena, in, t, 0.25f);
    step_oracle(this->config, in, {t, this->rate, 0.25f}, rows.oracle);
  }
  expect_near(rows.arena, rows.oracle, 5e-6);
}

TYPED_TEST(EveryOptimizer, DenseTensorUsesTheSameFormula) {
  for (int dim : {1, 10, 16, 479}) {
    const int64_t count = 5;
    Rows rows(this->config, dim, count);
    const auto floats = static_cast<size_t>(this->config.state_floats(dim));
    std::vector<float> w, s, g = random_floats(3, count * dim);
    for (int64_t r = 0; r < count; ++r) {
      w.insert(w.end(), rows.arena.weights(r).begin(), rows.arena.weights(r).end());
      s.insert(s.end(), rows.arena.state(r).begin(), rows.arena.state(r).end());
    }
    StepInput in{.slots = {0, 1, 2, 3, 4}, .grads = g, .keys = {}};
    for (int64_t t = 1; t <= 3; ++t) {
      ApplyRows call = call_of(rows.arena, in, t);
      apply_rows(this->config.at_step(t, this->rate), call);
      apply_dense(this->config.at_step(t, this->rate), {.weights = w.data(),
                                                        .state = s.data(),
                                                        .grads = g.data(),
                                                        .rows = count,
                                                        .dim = dim,
                                                        .scale = 1});
    }
    for (int64_t r = 0; r < count; ++r) {
      for (int i = 0; i < dim; ++i) ASSERT_NEAR(w[r * dim + i], rows.arena.weights(r)[i], 1e-6);
      for (size_t i = 0; i < floats; ++i) {
        ASSERT_NEAR(s[r * floats + i], rows.arena.state(r)[i], 1e-5);
      }
    }
  }
}

TYPED_TEST(EveryOptimizer, DumpRestoreContinueEqualsUninterrupted) {
  for (DType dtype : {DType::kF32, DType::kBf16, DType::kF16}) {
    Rows rows(this->config, 16, 20, dtype);
    for (int64_t t = 1; t <= 5; ++t) this->step(rows.arena, step_input(t, 20, 12, 16), t);
    const RowArena restored = rows.arena;
    for (int64_t t = 6; t <= 10; ++t) {
      this->step(rows.arena, step_input(t, 20, 12, 16), t);
      this->step(restored, step_input(t, 20, 12, 16), t);
    }
    EXPECT_TRUE(restored == rows.arena);
  }
}

TYPED_TEST(EveryOptimizer, SplittingTheSlotsChangesNoBit) {
  for (DType dtype : {DType::kF32, DType::kBf16, DType::kF16}) {
    Rows whole(this->config, 10, 50, dtype);
    const RowArena split = whole.arena;
    const StepInput in = step_input(1, 50, 41, 10);
    this->step(whole.arena, in, 1);
    for (size_t begin = 0; begin < 41; begin += 13) {
      const size_t end = std::min<size_t>(begin + 13, 41);
      ApplyRows call = call_of(split, in, 1);
      call.slots = call.slots.subspan(begin, end - begin);
      call.grads += begin * 10;
      call.keys += begin;
      apply_rows(this->config.at_step(1, this->rate), call);
    }
    EXPECT_TRUE(split == whole.arena);
  }
}

TYPED_TEST(EveryOptimizer, ZeroGradientDoesWhatTheStructDeclares) {
  Rows rows(this->config, 16, 4);
  for (int64_t t = 1; t <= 3; ++t) this->step(rows.arena, step_input(t, 4, 4, 16), t);
  const RowArena before = rows.arena;
  StepInput in = step_input(4, 4, 4, 16);
  in.grads.assign(in.grads.size(), 0.0f);
  this->rate = 0.01f;  // another rate must not move the weights either
  this->step(rows.arena, in, 4);
  bool same = true;
  for (int r = 0; r < 4; ++r) {
    const auto w = rows.arena.weights(r), old = before.weights(r);
    same = same && std::equal(w.begin(), w.end(), old.begin());
    const auto s = rows.arena.state(r), old_state = before.state(r);
    same = same && std::equal(s.begin(), s.end(), old_state.begin());
  }
  EXPECT_EQ(same, TypeParam::kZeroGradientIsNoop);
}

TYPED_TEST(EveryOptimizer, StampsTouchedRowsAndLeavesTheRestAlone) {
  Rows rows(this->config, 16, 20);
  const RowArena before = rows.arena;
  StepInput in = step_input(9, 20, 10, 16);
  const int64_t skipped = in.slots[3];
  in.slots[3] = -1;
  this->step(rows.arena, in, 9);
  const size_t bytes = rows.arena.layout().row_bytes();
  for (int64_t slot = 0; slot < 20; ++slot) {
    const bool touched = std::find(in.slots.begin(), in.slots.end(), slot) != in.slots.end();
    EXPECT_EQ(rows.arena.stamp(slot), touched ? 9u : 0u);
    if (!touched || slot == skipped) {
      EXPECT_EQ(std::memcmp(rows.arena.row(slot), before.row(slot), bytes), 0);
    }
    uint32_t counters;
    std::memcpy(&counters, rows.arena.row(slot) + bytes - 4, 4);
    EXPECT_EQ(counters, 0u);
  }
}

TYPED_TEST(EveryOptimizer, NarrowRowsRoundWithoutBias) {
  // Many rows with equal weights and gradients differ only in the key of their rounding.
  constexpr int kRows = 4000;
  constexpr int kDim = 5;
  for (DType dtype : {DType::kBf16, DType::kF16}) {
    Rows rows(this->config, kDim, 1, dtype);
    reference::Row exact = rows.oracle[0];
    RowArena arena(rows.arena.layout(), kRows);
    StepInput in;
    const auto g = random_floats(1, kDim);
    for (int r = 0; r < kRows; ++r) {
      std::memcpy(arena.row(r), rows.arena.row(0), rows.arena.layout().row_bytes());
      in.slots.push_back(r);
      in.keys.push_back(mix64(r));
      in.grads.insert(in.grads.end(), g.begin(), g.end());
    }
    this->step(arena, in, 1);
    reference::step(this->config, 1, this->rate, exact, {g.begin(), g.end()});
    for (int i = 0; i < kDim; ++i) {
      double sum = 0;
      for (int r = 0; r < kRows; ++r) {
        float w[kDim];
        widen(dtype, arena.row(r), kDim, w);
        sum += w[i];
      }
      // A step is at most 2^-7 (bf16) or 2^-10 (fp16) of the weight; the mean of 4,000 draws has a
      // standard error of 1/126 step, and nearest rounding would be off by up to half a step.
      const double step = std::abs(exact.w[i]) * (dtype == DType::kBf16 ? 0x1p-7 : 0x1p-10);
      EXPECT_NEAR(sum / kRows, exact.w[i], 0.05 * step + 1e-6);
    }
  }
}

TEST(ApplyRows, RefusesARowLayoutOfAnotherOptimizer) {
  const OptimizerConfig adam{.algorithm = Adam{}};
  Rows rows({.algorithm = Sgd{}}, 4, 1);
  const StepInput in = step_input(1, 1, 1, 4);
  EXPECT_THROW(apply_rows(adam.at_step(1, 0.1f), call_of(rows.arena, in, 1)), CheckFailure);
}

TEST(Ftrl, L1MakesWeightsExactlyZero) {
  const OptimizerConfig config{.algorithm = Ftrl{.l1 = 10}};
  const RowArena arena(layout_of(config, 16), 3);  // weights and state zero
  StepInput in = step_input(1, 3, 3, 16);
  in.grads[5] = 11;
  apply_rows(config.at_step(1, 0.1f), call_of(arena, in, 1));
  int zeros = 0;
  for (int r = 0; r < 3; ++r) zeros += std::ranges::count(arena.weights(r), 0.0f);
  EXPECT_EQ(zeros, 3 * 16 - 1);
}

TEST(Momentum, NesterovEqualsTheOracle) {
  const OptimizerConfig config{.algorithm = Momentum{.nesterov = true}};
  Rows rows(config, 16, 8);
  for (int64_t t = 1; t <= 5; ++t) {
    const StepInput in = step_input(t, 8, 6, 16);
    apply_rows(config.at_step(t, 0.1f), call_of(rows.arena, in, t));
    step_oracle(config, in, {t, 0.1f}, rows.oracle);
  }
  expect_near(rows.arena, rows.oracle, 5e-6);
}

}  // namespace
}  // namespace strata::kernels
