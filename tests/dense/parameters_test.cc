#include "dense/parameters.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "base/check.h"

namespace strata::dense {
namespace {

DenseConfig config_of(kernels::OptimizerVariant algorithm) {
  return {.optimizer = {.algorithm = algorithm}, .precision = Precision::kFp32};
}

TEST(Parameters, StartFromSeedAndNameWhateverElseThereIs) {
  Parameters a;
  const ParameterId wanted = a.add("w", {3, 5}, Initializer::torch_linear(5));
  a.finalize(9, {});
  Parameters b;
  b.add("other", {100}, Initializer::normal(1));
  const ParameterId same = b.add("w", {3, 5}, Initializer::torch_linear(5));
  b.finalize(9, {});
  EXPECT_TRUE(std::ranges::equal(a.weights(wanted), b.weights(same)));
  Parameters c;
  const ParameterId reseeded = c.add("w", {3, 5}, Initializer::torch_linear(5));
  c.finalize(10, {});
  EXPECT_FALSE(std::ranges::equal(a.weights(wanted), c.weights(reseeded)));
}

TEST(Parameters, NormalWeightsHaveTheirMoments) {
  Parameters p;
  const ParameterId id = p.add("w", {200, 300}, Initializer::xavier_normal(300, 200));
  p.finalize(1, {});
  double sum = 0;
  double squares = 0;
  for (const float w : p.weights(id)) {
    sum += w;
    squares += static_cast<double>(w) * w;
  }
  EXPECT_NEAR(sum / 60000, 0, 5e-4);
  EXPECT_NEAR(std::sqrt(squares / 60000), std::sqrt(2.0 / 500), 5e-4);
}

TEST(Parameters, TwoTensorsOfOneNameAreRefused) {
  Parameters p;
  p.add("w", {1}, Initializer::constant(0));
  EXPECT_THROW(p.add("w", {2}, Initializer::constant(0)), CheckFailure);
}

TEST(Parameters, ChunksAreSummedInTheTreeAndEmptyOnesSkipped) {
  Parameters p;
  const ParameterId id = p.add("w", {2}, Initializer::constant(0));
  p.finalize(1, {});
  p.reserve_chunks(8);
  const float big = 1e8f;
  const float values[] = {big, 1, -big, 1, NAN, 2, 3, NAN};  // chunks 4 and 7 are empty
  for (int c = 0; c < 8; ++c) p.chunk_gradient(c, id)[0] = values[c];
  const std::vector<int64_t> chunk_begin = {0, 1, 2, 3, 4, 4, 5, 6, 6};
  ThreadPool pool(2);
  p.reduce_gradients(chunk_begin, false, pool);
  const float want = ((big + 1.0f) + (-big + 1.0f)) + (2.0f + 3.0f);
  EXPECT_EQ(p.gradient(p.tensors()[0])[0], want);
  p.reduce_gradients(chunk_begin, true, pool);
  EXPECT_EQ(p.gradient(p.tensors()[0])[0], want + want);
}

TEST(Parameters, SquaredGradientNormIsInDouble) {
  Parameters p;
  p.add("w", {3}, Initializer::constant(0));
  p.add("v", {30000}, Initializer::constant(0));
  p.finalize(1, {});
  for (const ParameterInfo& t : p.tensors()) {
    for (float& g : p.gradient(t)) g = 0.1f;
  }
  ThreadPool pool(3);
  EXPECT_NEAR(p.squared_gradient_norm(pool), 30003 * static_cast<double>(0.1f) * 0.1f, 1e-9);
}

TEST(Parameters, UpdateIsTheOptimizersFormulaOnEveryTensorButBuffers) {
  Parameters p;
  const ParameterId w = p.add("w", {40, 700}, Initializer::constant(1));
  const ParameterId b = p.add("b", {40}, Initializer::constant(1));
  const ParameterId buffer = p.add_buffer("mean", {4}, Initializer::constant(1));
  p.finalize(1, config_of(kernels::Adagrad{.learning_rate = 0.1f, .epsilon = 1e-10f}));
  for (const ParameterInfo& t : p.tensors()) {
    if (!t.trainable) continue;
    for (float& g : p.gradient(t)) g = 2;
  }
  ThreadPool pool(2);
  const uint64_t version = p.version();
  p.update(1, 0.5f, pool);  // gradient 1: s = 1, w = 1 - 0.1
  p.set_learning_rate(0.2f);
  p.update(2, 0.5f, pool);  // s = 2
  const double want = 1 - 0.1 - 0.2 / std::sqrt(2.0);
  for (const ParameterId id : {w, b}) {
    for (const float v : p.weights(id)) ASSERT_NEAR(v, want, 1e-6);
  }
  for (const float s : p.state(p.tensors()[0])) ASSERT_EQ(s, 2.0f);
  EXPECT_EQ(p.state(p.tensors()[0]).size(), 40u * 700);
  for (const float v : p.weights(buffer)) EXPECT_EQ(v, 1.0f);
  EXPECT_GT(p.version(), version);
}

TEST(Parameters, RowwiseStateIsPerRow) {
  Parameters p;
  p.add("w", {6, 50}, Initializer::constant(1));
  p.add("b", {6}, Initializer::constant(1));
  p.finalize(1, config_of(kernels::RowwiseAdagrad{}));
  EXPECT_EQ(p.state(p.tensors()[0]).size(), 6u);
  EXPECT_EQ(p.state(p.tensors()[1]).size(), 1u);
}

}  // namespace
}  // namespace strata::dense
