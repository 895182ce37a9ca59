// Gradient checks of the layers that have no file of their own here.
#include "dense/batch_norm.h"
#include "dense/cross.h"
#include "dense/dot_interaction.h"
#include "dense/dropout.h"
#include "dense/fm.h"
#include "dense/linear.h"
#include "dense/row_sum.h"
#include "tests/dense/program_fixture.h"
#include "tests/sanitized.h"

namespace strata::dense {
namespace {

const std::vector<int64_t> kChunks = {0, 3, 3, 10};
const std::vector<int64_t> kFewRows =
    kSanitized ? std::vector<int64_t>{0, 1, 1, 3} : std::vector<int64_t>{0, 2, 2, 5};

struct Vectors {
  int count;
  int dim;
};
class Interactions : public testing::TestWithParam<Vectors> {};
INSTANTIATE_TEST_SUITE_P(Shapes, Interactions,
                         testing::Values(Vectors{27, 16}, Vectors{1, 16}, Vectors{2, 1},
                                         Vectors{5, 7}, Vectors{17, 33}, Vectors{16, 16}));

Doubles dot_reference(const Doubles& x, int64_t rows, Vectors v) {
  Doubles out;
  for (int64_t r = 0; r < rows; ++r) {
    const double* e = x.data() + r * v.count * v.dim;
    out.insert(out.end(), e, e + v.dim);
    for (int a = 0; a < v.count; ++a) {
      for (int b = 0; b < a; ++b) {
        double dot = 0;
        for (int d = 0; d < v.dim; ++d) dot += e[a * v.dim + d] * e[b * v.dim + d];
        out.push_back(dot);
      }
    }
  }
  return out;
}

TEST_P(Interactions, DotInteractionEqualsItsReference) {
  const Vectors v = GetParam();
  Fixture f(v.count * v.dim, kFewRows, [&](Program& p, Tensor x) {
    const Tensor out = p.tensor(DotInteraction::out_width(v.count, v.dim));
    p.add<DotInteraction>(x, out, v.dim);
    return out;
  });
  check_against(
      f, [&](const Doubles& x, int64_t rows, const Weights&) { return dot_reference(x, rows, v); });
}

TEST_P(Interactions, DotInteractionInBf16RoundsItsResultOnly) {
  const Vectors v = GetParam();
  Fixture f(
      v.count * v.dim, kFewRows,
      [&](Program& p, Tensor x) {
        const Tensor out = p.activation(DotInteraction::out_width(v.count, v.dim));
        p.add<DotInteraction>(x, out, v.dim);
        return out;
      },
      Precision::kBf16);
  check_against(
      f, [&](const Doubles& x, int64_t rows, const Weights&) { return dot_reference(x, rows, v); },
      0.01);
}

TEST_P(Interactions, FactorisationMachineEqualsItsReference) {
  const Vectors v = GetParam();
  Fixture f(v.count * v.dim, kFewRows, [&](Program& p, Tensor x) {
    const Tensor out = p.tensor(1);
    p.add<FactorisationMachine>(x, out, v.dim);
    return out;
  });
  check_against(f, [&](const Doubles& x, int64_t rows, const Weights&) {
    const Doubles dots = dot_reference(x, rows, v);
    const size_t width = dots.size() / rows;
    Doubles out;
    for (int64_t r = 0; r < rows; ++r) {
      double sum = 0;
      for (size_t i = v.dim; i < width; ++i) sum += dots[r * width + i];
      out.push_back(sum);
    }
    return out;
  });
}

TEST(RowSum, AddsItsPartsAndItsBias) {
  Fixture f(5, kChunks, [](Program& p, Tensor x) {
    const Tensor out = p.tensor(1);
    p.add<RowSum>(std::vector<Tensor>{p.slice(x, 0, 2), p.slice(x, 1, 4)}, out, "bias");
    return out;
  });
  check_against(f, [](const Doubles& x, int64_t rows, const Weights& w) {
    Doubles out;
    for (int64_t r = 0; r < rows; ++r) {
      const double* v = x.data() + r * 5;
      out.push_back(w.at("bias")[0] + v[0] + 2 * v[1] + v[2] + v[3] + v[4]);
    }
    return out;
  });
}

class CrossRanks : public testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Ranks, CrossRanks, testing::Values(0, 1, 3));

Doubles cross_reference(const Doubles& x0, int64_t rows, const Weights& w, int rank) {
  Doubles x = x0;
  for (int l = 0; l < 2; ++l) {
    const std::string name = "cross." + std::to_string(l);
    const Doubles t = rank == 0 ? linear_reference(x, rows, w, name)
                                : linear_reference(linear_reference(x, rows, w, name + ".v"), rows,
                                                   w, name + ".u");
    for (size_t i = 0; i < x.size(); ++i) x[i] += x0[i] * t[i];
  }
  return x;
}

Fixture cross_fixture(int rank, Precision precision) {
  return Fixture(
      7, kChunks,
      [rank](Program& p, Tensor x) {
        return add_cross_network(p, x, {.name = "cross", .layers = 2, .rank = rank});
      },
      precision);
}

TEST_P(CrossRanks, CrossNetworkEqualsItsReference) {
  Fixture f = cross_fixture(GetParam(), Precision::kFp32);
  check_against(f, [](const Doubles& x, int64_t rows, const Weights& w) {
    return cross_reference(x, rows, w, GetParam());
  });
}

TEST_P(CrossRanks, CrossNetworkInBf16StaysClose) {
  Fixture f = cross_fixture(GetParam(), Precision::kBf16);
  check_against(
      f,
      [](const Doubles& x, int64_t rows, const Weights& w) {
        return cross_reference(x, rows, w, GetParam());
      },
      0.03);
}

Doubles batch_norm_reference(const Doubles& x, int64_t rows, const Weights& w) {
  const size_t width = x.size() / rows;
  Doubles y(x.size());
  for (size_t c = 0; c < width; ++c) {
    double mean = 0;
    double variance = 0;
    for (int64_t r = 0; r < rows; ++r) mean += x[r * width + c] / rows;
    for (int64_t r = 0; r < rows; ++r) {
      variance += (x[r * width + c] - mean) * (x[r * width + c] - mean) / rows;
    }
    for (int64_t r = 0; r < rows; ++r) {
      y[r * width + c] =
          (x[r * width + c] - mean) / std::sqrt(variance + 1e-5) * w.at("n.weight")[c] +
          w.at("n.bias")[c];
    }
  }
  return y;
}

Fixture batch_norm_fixture(kernels::Activation activation, std::vector<int64_t> chunks) {
  Fixture f(6, std::move(chunks), [&](Program& p, Tensor x) {
    const Tensor y = p.tensor(6);
    p.add<BatchNorm>(x, y, BatchNormConfig{.name = "n", .activation = activation});
    return y;
  });
  for (const ParameterInfo& t : f.parameters.tensors()) {  // not the trivial 1 and 0
    if (!t.trainable) continue;
    for (float& v : f.parameters.weights(t)) v += 0.3f;
  }
  return f;
}

TEST(BatchNorm, NormalisesOverTheWholeBatch) {
  Fixture f = batch_norm_fixture(kernels::Activation::kIdentity, {0, 3, 3, 10, 12});
  check_against(f, batch_norm_reference);
}

TEST(BatchNorm, WithReluEqualsItsReference) {
  Fixture f = batch_norm_fixture(kernels::Activation::kRelu, kChunks);
  check_against(f, [](const Doubles& x, int64_t rows, const Weights& w) {
    return relu_reference(batch_norm_reference(x, rows, w));
  });
}

TEST(BatchNorm, BetweenLinearsEqualsItsReference) {
  Fixture f(4, {0, 3, 3, 10, 12}, [&](Program& p, Tensor x) {
    const Tensor a = p.activation(6);
    p.add<Linear>(x, a, LinearConfig{.name = "a"});
    const Tensor n = p.activation(6);
    p.add<BatchNorm>(a, n, BatchNormConfig{.name = "n", .activation = kernels::Activation::kRelu});
    const Tensor out = p.tensor(2);
    p.add<Linear>(n, out, LinearConfig{.name = "b"});
    return out;
  });
  check_against(
      f,
      [](const Doubles& x, int64_t rows, const Weights& w) {
        const Doubles a = linear_reference(x, rows, w, "a");
        return linear_reference(relu_reference(batch_norm_reference(a, rows, w)), rows, w, "b");
      },
      1e-4);
}

TEST(BatchNorm, KeepsTorchsRunningStatisticsAndEvaluatesWithThem) {
  Fixture f = batch_norm_fixture(kernels::Activation::kIdentity, kChunks);
  f.run();
  const Weights w = f.weights();
  const auto rows = static_cast<double>(f.rows());
  for (int c = 0; c < 6; ++c) {
    double mean = 0;
    double m2 = 0;
    for (int64_t r = 0; r < f.rows(); ++r) mean += f.input[r * 6 + c] / rows;
    for (int64_t r = 0; r < f.rows(); ++r) m2 += std::pow(f.input[r * 6 + c] - mean, 2);
    EXPECT_NEAR(w.at("n.running_mean")[c], 0.1 * mean, 1e-6);
    EXPECT_NEAR(w.at("n.running_var")[c], 0.9 + 0.1 * m2 / (rows - 1), 1e-6);
  }
  ThreadPool pool(1);
  f.program->forward(f.pass(Mode::kEval), pool);
  const Doubles out = f.read(f.out, false);
  for (size_t i = 0; i < out.size(); ++i) {
    const int c = static_cast<int>(i % 6);
    const double xhat =
        (f.input[i] - w.at("n.running_mean")[c]) / std::sqrt(w.at("n.running_var")[c] + 1e-5);
    EXPECT_NEAR(out[i], xhat * w.at("n.weight")[c] + w.at("n.bias")[c], 1e-5);
  }
}

Fixture dropout_fixture(std::vector<int64_t> chunks) {
  return Fixture(40, std::move(chunks), [](Program& p, Tensor x) {
    const Tensor y = p.tensor(40);
    p.add<Dropout>(x, y, 0.25f, 0);
    return y;
  });
}

TEST(Dropout, DropsItsShareScalesTheRestAndMasksTheGradientAlike) {
  Fixture f = dropout_fixture({0, 30, 100});
  f.run();
  const Doubles out = f.read(f.out, false);
  const Doubles dx = f.read(f.x, true);
  int dropped = 0;
  for (size_t i = 0; i < out.size(); ++i) {
    const bool kept = dx[i] != 0;
    dropped += !kept;
    EXPECT_NEAR(out[i], kept ? f.input[i] / 0.75 : 0, 1e-6);
    EXPECT_NEAR(dx[i], kept ? f.out_gradient[i] / 0.75 : 0, 1e-6);
  }
  EXPECT_NEAR(dropped / 4000.0, 0.25, 0.03);
}

TEST(Dropout, DoesNotDependOnChunksAndIsOffInEvaluation) {
  Fixture f = dropout_fixture({0, 30, 100});
  Fixture g = dropout_fixture({0, 1, 1, 77, 100});
  f.run();
  g.run(2);
  EXPECT_EQ(f.read(f.out, false), g.read(g.out, false));
  ThreadPool pool(1);
  f.program->forward(f.pass(Mode::kEval), pool);
  EXPECT_EQ(f.read(f.out, false), f.input);
}

}  // namespace
}  // namespace strata::dense
