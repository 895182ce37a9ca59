#pragma once
// A small program in a test: made, filled, run and compared with a reference in double whose
// gradients are finite differences.

#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/hash.h"
#include "base/thread_pool.h"
#include "dense/program.h"
#include "kernels/convert.h"

namespace strata::dense {

using Doubles = std::vector<double>;
using Weights = std::map<std::string, Doubles>;

/// Adds layers over x and returns the output.
using Builder = std::function<Tensor(Program& program, Tensor x)>;
/// The same in double: x [rows, width] -> out [rows, out width], row-major.
using Reference = std::function<Doubles(const Doubles& x, int64_t rows, const Weights& weights)>;

/// A program over one input buffer, with random input, weights and output gradient.
struct Fixture {
  std::unique_ptr<Parameters> owned = std::make_unique<Parameters>();
  Parameters& parameters = *owned;
  std::unique_ptr<Program> program;
  Tensor x;
  Tensor out;
  std::vector<int64_t> chunk_begin;
  Doubles input;                     // [rows, x.width]
  Doubles out_gradient;              // [rows, out.width]
  std::function<void()> before_run;  // fills further inputs

  Fixture(int width, std::vector<int64_t> chunks, const Builder& build,
          Precision precision = Precision::kFp32)
      : chunk_begin(std::move(chunks)) {
    program = std::make_unique<Program>(parameters, precision, /*seed=*/7);
    x = program->input(width, true);
    out = build(*program, x);
    program->finish(out);
    parameters.finalize(11, {});
    randomise();
  }

  /// Random input and output gradient of the present x and out.
  void randomise() {
    const CounterRng random{5};
    input.resize(rows() * x.width);
    for (size_t i = 0; i < input.size(); ++i) {
      input[i] = kernels::bf16_to_f32(kernels::f32_to_bf16(2 * random.uniform(i) - 1));
    }
    out_gradient.resize(rows() * out.width);
    for (size_t i = 0; i < out_gradient.size(); ++i) {
      out_gradient[i] = 2 * random.uniform(1'000'000 + i) - 1;
    }
  }

  int64_t rows() const { return chunk_begin.back(); }
  PassInfo pass(Mode mode = Mode::kTrain) const {
    return {.chunk_begin = chunk_begin, .mode = mode, .step = 3};
  }

  void write(Tensor t, bool gradient, const Doubles& values) {
    for (int64_t r = 0; r < rows(); ++r) {
      for (int c = 0; c < t.width; ++c) {
        const auto v = static_cast<float>(values[r * t.width + c]);
        if (program->dtype(t) == kernels::DType::kBf16) {
          const auto b =
              gradient ? program->gradient<uint16_t>(t, r) : program->value<uint16_t>(t, r);
          b.data[c] = kernels::f32_to_bf16(v);
        } else {
          (gradient ? program->gradient<float>(t, r) : program->value<float>(t, r)).data[c] = v;
        }
      }
    }
  }
  Doubles read(Tensor t, bool gradient) {
    Doubles values;
    for (int64_t r = 0; r < rows(); ++r) {
      for (int c = 0; c < t.width; ++c) {
        if (program->dtype(t) == kernels::DType::kBf16) {
          const auto b =
              gradient ? program->gradient<uint16_t>(t, r) : program->value<uint16_t>(t, r);
          values.push_back(kernels::bf16_to_f32(b.data[c]));
        } else {
          values.push_back(
              (gradient ? program->gradient<float>(t, r) : program->value<float>(t, r)).data[c]);
        }
      }
    }
    return values;
  }

  Weights weights() {
    Weights all;
    for (const ParameterInfo& t : parameters.tensors()) {
      const auto w = parameters.weights(t);
      all[t.name] = Doubles(w.begin(), w.end());
    }
    return all;
  }

  /// forward, backward and the sum of the chunks' gradients.
  void run(int threads = 1) {
    ThreadPool pool(threads);
    program->reserve(rows(), pass().chunks(), threads);
    write(x, false, input);
    if (before_run) before_run();
    program->forward(pass(), pool);
    write(out, true, out_gradient);
    program->backward(pass(), pool);
    parameters.reduce_gradients(chunk_begin, false, pool);
  }
};

inline void expect_near(const Doubles& got, const Doubles& want, double tolerance,
                        const std::string& what) {
  ASSERT_EQ(got.size(), want.size()) << what;
  double scale = 1e-2;
  for (const double w : want) scale = std::max(scale, std::abs(w));
  for (size_t i = 0; i < got.size(); ++i) {
    ASSERT_NEAR(got[i], want[i], tolerance * scale) << what << " element " << i;
  }
}

/// Central differences of sum(out * out_gradient) by each element of `at`, which `evaluate` reads.
inline Doubles numeric_gradient(Doubles& at, const std::function<double()>& evaluate) {
  constexpr double kStep = 1e-5;
  Doubles gradient;
  for (double& element : at) {
    const double before = element;
    element = before + kStep;
    const double above = evaluate();
    element = before - kStep;
    const double below = evaluate();
    element = before;
    gradient.push_back((above - below) / (2 * kStep));
  }
  return gradient;
}

/// Runs the fixture and compares output, input gradient and every parameter's gradient with the
/// reference; differences relative to the largest element of each tensor.
inline void check_against(Fixture& f, const Reference& reference, double tolerance = 2e-5) {
  Weights weights = f.weights();
  Doubles input = f.input;
  f.run();
  expect_near(f.read(f.out, false), reference(input, f.rows(), weights), tolerance, "output");
  const auto loss = [&] {
    const Doubles out = reference(input, f.rows(), weights);
    double sum = 0;
    for (size_t i = 0; i < out.size(); ++i) sum += out[i] * f.out_gradient[i];
    return sum;
  };
  expect_near(f.read(f.x, true), numeric_gradient(input, loss), tolerance, "input gradient");
  for (const ParameterInfo& t : f.parameters.tensors()) {
    if (!t.trainable) continue;
    const auto g = f.parameters.gradient(t);
    expect_near(Doubles(g.begin(), g.end()), numeric_gradient(weights[t.name], loss), tolerance,
                t.name);
  }
}

/// y = x W^T + b in double, b where the weights hold it.
inline Doubles linear_reference(const Doubles& x, int64_t rows, const Weights& weights,
                                const std::string& name) {
  const Doubles& w = weights.at(name + ".weight");
  const size_t in = x.size() / static_cast<size_t>(rows);
  const size_t out = w.size() / in;
  Doubles y(rows * out);
  const auto bias = weights.find(name + ".bias");
  for (int64_t r = 0; r < rows; ++r) {
    for (size_t o = 0; o < out; ++o) {
      double sum = bias == weights.end() ? 0 : bias->second[o];
      for (size_t i = 0; i < in; ++i) sum += x[r * in + i] * w[o * in + i];
      y[r * out + o] = sum;
    }
  }
  return y;
}

inline Doubles relu_reference(Doubles x) {
  for (double& v : x) v = v > 0 ? v : 0;
  return x;
}

inline Doubles sigmoid_reference(Doubles x) {
  for (double& v : x) v = 1 / (1 + std::exp(-v));
  return x;
}

}  // namespace strata::dense
