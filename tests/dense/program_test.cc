#include "dense/program.h"

#include "dense/batch_norm.h"
#include "dense/cross.h"
#include "dense/dot_interaction.h"
#include "dense/dropout.h"
#include "dense/hidden_layers.h"
#include "dense/linear.h"
#include "dense/row_sum.h"
#include "tests/dense/program_fixture.h"

namespace strata::dense {
namespace {

/// A bit of everything that has parameters, chunks and whole-batch statistics.
Tensor build_mixed(Program& p, Tensor x) {
  const Tensor dots = p.activation(DotInteraction::out_width(4, 4));
  p.add<DotInteraction>(x, dots, 4);
  const Tensor crossed = add_cross_network(p, x, {.name = "cross", .layers = 1, .rank = 2});
  const Tensor deep = add_deep_logit(
      p, dots, {.name = "deep", .widths = {24, 8}, .dropout = 0.2f, .batch_norm = true});
  const Tensor other = p.tensor(1);
  p.add<Linear>(crossed, other, LinearConfig{.name = "other"});
  const Tensor out = p.tensor(1);
  p.add<RowSum>(std::vector<Tensor>{deep, other}, out, "bias");
  return out;
}

struct Bits {
  Doubles out;
  Doubles dx;
  Doubles gradient;
  bool operator==(const Bits&) const = default;
};

Bits run_mixed(Precision precision, int threads, std::vector<int64_t> chunks) {
  Fixture f(16, std::move(chunks), build_mixed, precision);
  f.run(threads);
  const auto g = f.parameters.gradient();
  return {f.read(f.out, false), f.read(f.x, true), Doubles(g.begin(), g.end())};
}

class Precisions : public testing::TestWithParam<Precision> {};
INSTANTIATE_TEST_SUITE_P(Both, Precisions, testing::Values(Precision::kFp32, Precision::kBf16));

TEST_P(Precisions, AnyNumberOfThreadsGivesTheSameBits) {
  const std::vector<int64_t> chunks = {0, 31, 31, 40, 41, 41, 90, 91, 120};
  const Bits one = run_mixed(GetParam(), 1, chunks);
  for (int round = 0; round < 5; ++round) {
    EXPECT_EQ(one, run_mixed(GetParam(), 2, chunks));
    EXPECT_EQ(one, run_mixed(GetParam(), 4, chunks));
  }
}

TEST_P(Precisions, ForwardBackwardInOneCallGivesTheSameBits) {
  for (const bool normalised : {false, true}) {
    const auto build = [&](Program& p, Tensor x) {
      return add_deep_logit(p, x, {.name = "deep", .widths = {24}, .batch_norm = normalised});
    };
    Fixture a(16, {0, 9, 9, 20}, build, GetParam());
    a.run();
    Fixture b(16, {0, 9, 9, 20}, build, GetParam());
    ThreadPool pool(2);
    b.program->reserve(b.rows(), 3, 2);
    b.write(b.x, false, b.input);
    b.program->forward_backward(
        b.pass(),
        [&](const Chunk& chunk) {
          const auto g = b.program->gradient<float>(b.out, chunk.begin);
          for (int64_t r = 0; r < chunk.rows(); ++r) {
            g.row(r)[0] = static_cast<float>(b.out_gradient[chunk.begin + r]);
          }
        },
        pool);
    b.parameters.reduce_gradients(b.chunk_begin, false, pool);
    EXPECT_EQ(a.read(a.x, true), b.read(b.x, true));
    EXPECT_TRUE(std::ranges::equal(a.parameters.gradient(), b.parameters.gradient()));
  }
}

TEST_P(Precisions, ASmallerBatchInALargerProgramGivesTheSameBits) {
  const std::vector<int64_t> chunks = {0, 5, 9};
  const Bits exact = run_mixed(GetParam(), 1, chunks);
  Fixture f(16, chunks, build_mixed, GetParam());
  f.program->reserve(100, 8, 3);
  f.run();
  EXPECT_EQ(exact.out, f.read(f.out, false));
  EXPECT_EQ(exact.dx, f.read(f.x, true));
  EXPECT_TRUE(std::ranges::equal(exact.gradient, f.parameters.gradient()));
}

TEST_P(Precisions, AnEmptyBatchHasZeroGradientAndChangesNothing) {
  Fixture f(16, {0, 0, 0}, build_mixed, GetParam());
  const Weights before = f.weights();
  f.program->reserve(8, 2, 1);
  f.run();
  for (const float g : f.parameters.gradient()) ASSERT_EQ(g, 0.0f);
  EXPECT_EQ(before, f.weights());
}

TEST(Program, SumsOverChunksWithinRounding) {
  Fixture a(16, {0, 120}, build_mixed);
  Fixture b(16, {0, 31, 31, 40, 41, 41, 90, 91, 120}, build_mixed);
  a.run();
  b.run();
  const auto ga = a.parameters.gradient();
  const auto gb = b.parameters.gradient();
  expect_near(Doubles(gb.begin(), gb.end()), Doubles(ga.begin(), ga.end()), 1e-5, "gradient");
}

TEST(Program, ColumnsNobodyReadsHaveZeroGradient) {
  Fixture f(6, {0, 4}, [](Program& p, Tensor x) {
    const Tensor hidden = p.tensor(5);  // of its columns only 0 and 1 are read
    p.add<Linear>(p.slice(x, 1, 3), hidden, LinearConfig{.name = "a"});
    const Tensor out = p.tensor(1);
    p.add<RowSum>(std::vector<Tensor>{p.slice(hidden, 0, 2)}, out, "");
    return out;
  });
  check_against(f, [](const Doubles& x, int64_t rows, const Weights& w) {
    Doubles part;
    for (int64_t r = 0; r < rows; ++r) {
      part.insert(part.end(), x.begin() + r * 6 + 1, x.begin() + r * 6 + 4);
    }
    const Doubles hidden = linear_reference(part, rows, w, "a");
    Doubles out;
    for (int64_t r = 0; r < rows; ++r) out.push_back(hidden[r * 5] + hidden[r * 5 + 1]);
    return out;
  });
}

TEST(Program, OverlappingReadersSetOrAddTheirColumns) {
  Fixture f(6, {0, 4, 7}, [](Program& p, Tensor x) {
    const Tensor out = p.tensor(4);
    p.add<Linear>(x, p.slice(out, 0, 1), LinearConfig{.name = "whole"});
    p.add<RowSum>(std::vector<Tensor>{p.slice(x, 2, 3)}, p.slice(out, 1, 1), "");
    p.add<Linear>(p.slice(x, 1, 2), p.slice(out, 2, 2), LinearConfig{.name = "part"});
    return out;
  });
  check_against(f, [](const Doubles& x, int64_t rows, const Weights& w) {
    const Doubles whole = linear_reference(x, rows, w, "whole");
    Doubles columns;
    for (int64_t r = 0; r < rows; ++r) {
      columns.insert(columns.end(), x.begin() + r * 6 + 1, x.begin() + r * 6 + 3);
    }
    const Doubles part = linear_reference(columns, rows, w, "part");
    Doubles out;
    for (int64_t r = 0; r < rows; ++r) {
      out.push_back(whole[r]);
      out.push_back(x[r * 6 + 2] + x[r * 6 + 3] + x[r * 6 + 4]);
      out.push_back(part[r * 2]);
      out.push_back(part[r * 2 + 1]);
    }
    return out;
  });
}

}  // namespace
}  // namespace strata::dense
