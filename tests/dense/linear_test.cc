#include "dense/linear.h"

#include "tests/dense/program_fixture.h"

namespace strata::dense {
namespace {

using kernels::Activation;

struct Case {
  int in;
  int out;
  Activation activation;
  bool bias;
};

class Linears : public testing::TestWithParam<Case> {};
INSTANTIATE_TEST_SUITE_P(Shapes, Linears,
                         testing::Values(Case{13, 32, Activation::kRelu, true},
                                         Case{1, 1, Activation::kIdentity, true},
                                         Case{17, 1, Activation::kSigmoid, true},
                                         Case{33, 1, Activation::kRelu, false},
                                         Case{5, 70, Activation::kSigmoid, true},
                                         Case{40, 3, Activation::kIdentity, false}));

Fixture make(const Case& c, Precision precision, std::vector<int64_t> chunks) {
  return Fixture(
      c.in, std::move(chunks),
      [&](Program& p, Tensor x) {
        const Tensor y = c.out == 1 ? p.tensor(1) : p.activation(c.out);
        p.add<Linear>(x, y, LinearConfig{.name = "l", .bias = c.bias, .activation = c.activation});
        return y;
      },
      precision);
}

Doubles reference(const Case& c, const Doubles& x, int64_t rows, const Weights& weights) {
  const Doubles z = linear_reference(x, rows, weights, "l");
  if (c.activation == Activation::kRelu) return relu_reference(z);
  return c.activation == Activation::kSigmoid ? sigmoid_reference(z) : z;
}

TEST_P(Linears, EqualTheDoubleReferenceAndItsFiniteDifferences) {
  const Case c = GetParam();
  Fixture f = make(c, Precision::kFp32, {0, 3, 3, 10});
  check_against(f, [&](const Doubles& x, int64_t rows, const Weights& w) {
    return reference(c, x, rows, w);
  });
}

TEST_P(Linears, InBf16StayWithinItsRounding) {
  const Case c = GetParam();
  Fixture f = make(c, Precision::kBf16, {0, 3, 3, 10});
  check_against(
      f, [&](const Doubles& x, int64_t rows, const Weights& w) { return reference(c, x, rows, w); },
      0.03);
}

TEST(Mlp, IsAStackOfLinears) {
  Fixture f(6, {0, 4, 9}, [](Program& p, Tensor x) {
    const Tensor out = p.tensor(2);
    add_mlp(p, x, out, {.name = "m", .widths = {5, 4, 2}, .last = Activation::kIdentity});
    return out;
  });
  check_against(f, [](const Doubles& x, int64_t rows, const Weights& w) {
    Doubles y = relu_reference(linear_reference(x, rows, w, "m.0"));
    y = relu_reference(linear_reference(y, rows, w, "m.1"));
    return linear_reference(y, rows, w, "m.2");
  });
}

TEST(Linear, TwoReadersOfOneInputAddTheirGradients) {
  Fixture f(4, {0, 5}, [](Program& p, Tensor x) {
    const Tensor out = p.tensor(6);
    p.add<Linear>(x, p.slice(out, 0, 3), LinearConfig{.name = "a"});
    p.add<Linear>(x, p.slice(out, 3, 3), LinearConfig{.name = "b"});
    return out;
  });
  check_against(f, [](const Doubles& x, int64_t rows, const Weights& w) {
    const Doubles a = linear_reference(x, rows, w, "a");
    const Doubles b = linear_reference(x, rows, w, "b");
    Doubles out;
    for (int64_t r = 0; r < rows; ++r) {
      out.insert(out.end(), a.begin() + r * 3, a.begin() + r * 3 + 3);
      out.insert(out.end(), b.begin() + r * 3, b.begin() + r * 3 + 3);
    }
    return out;
  });
}

TEST(Linear, StartsWithinTorchsBounds) {
  Parameters parameters;
  Program program(parameters, Precision::kFp32, 1);
  const Tensor x = program.input(100, false);
  const Tensor y = program.tensor(50);
  program.add<Linear>(x, y, LinearConfig{.name = "l"});
  program.finish(y);
  parameters.finalize(1, {});
  double largest = 0;
  for (const float w : parameters.weights(parameters.tensors()[0])) {
    largest = std::max(largest, std::abs(static_cast<double>(w)));
  }
  EXPECT_LE(largest, 0.1);
  EXPECT_GT(largest, 0.095);
}

}  // namespace
}  // namespace strata::dense
