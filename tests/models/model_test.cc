// Every model against a naive twin in double, and its gradients against finite differences.
#include "models/model_list.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "tests/dense/program_fixture.h"

namespace strata::models {
namespace {

using dense::check_against;
using dense::Doubles;
using dense::Fixture;
using dense::linear_reference;
using dense::relu_reference;
using dense::Weights;

constexpr int kDense = 3;
constexpr int kDim = 4;
constexpr int kFeatures = 3;

InputSpec input_spec() {
  InputSpec spec{.dense_width = kDense, .features = {}};
  for (int f = 0; f < kFeatures; ++f) {
    FeatureSpec feature;
    feature.name = "C" + std::to_string(f + 1);
    spec.features.push_back(feature);
  }
  return spec;
}

ModelInput model_input(const ModelVariant& model, const InputSpec& spec) {
  ModelInput input{.input = spec, .lookups = {}, .pooled_width = 0, .deep_width = 0};
  for (const ModelLookup& lookup : model_lookups(model, spec)) {
    const int width = lookup.wide ? 1 : kDim;
    input.lookups.push_back({.lookup = lookup, .column = input.pooled_width, .width = width});
    input.pooled_width += width;
    if (!lookup.wide) input.deep_width += width;
  }
  return input;
}

/// A model's program whose x is the pooled matrix; dense features are fixed random numbers.
struct ModelFixture {
  InputSpec spec = input_spec();
  ModelTensors tensors;
  Doubles dense_input;
  Fixture f;

  explicit ModelFixture(const ModelVariant& model, std::vector<int64_t> chunks = {0, 4, 4, 9})
      : f(0, std::move(chunks), [&](dense::Program& program, dense::Tensor) {
          tensors = build_model(model, model_input(model, spec), program);
          return tensors.logits;
        }) {
    f.x = tensors.pooled;
    f.randomise();
    const CounterRng random{77};
    dense_input.resize(f.rows() * tensors.dense.width);
    for (size_t i = 0; i < dense_input.size(); ++i) dense_input[i] = random.uniform(i);
    for (double& d : dense_input) d = static_cast<float>(d);
    f.before_run = [this] { f.write(tensors.dense, false, dense_input); };
  }
};

/// Columns [first, first + count) of x, beside those of `left`.
Doubles beside(const Doubles& left, const Doubles& x, int64_t rows, int first, int count) {
  const size_t left_width = left.size() / rows;
  const size_t width = x.size() / rows;
  Doubles out;
  for (int64_t r = 0; r < rows; ++r) {
    out.insert(out.end(), left.begin() + r * left_width, left.begin() + (r + 1) * left_width);
    const auto row = x.begin() + r * width + first;
    out.insert(out.end(), row, row + count);
  }
  return out;
}

/// Linears name.0 … name.(layers - 1) with ReLU between, and after the last one of "bottom".
Doubles mlp(Doubles x, int64_t rows, const Weights& w, const std::string& name, int layers) {
  for (int l = 0; l < layers; ++l) {
    x = linear_reference(x, rows, w, name + "." + std::to_string(l));
    if (l + 1 < layers || name == "bottom") x = relu_reference(x);
  }
  return x;
}

Doubles add(Doubles a, const Doubles& b) {
  for (size_t i = 0; i < a.size(); ++i) a[i] += b[i];
  return a;
}

Doubles row_sums(const Doubles& x, int64_t rows, int first, int count, double bias) {
  Doubles out;
  for (int64_t r = 0; r < rows; ++r) {
    double sum = bias;
    for (int c = first; c < first + count; ++c) sum += x[r * (x.size() / rows) + c];
    out.push_back(sum);
  }
  return out;
}

/// Pairwise dots of `count` vectors of width kDim, lower triangle.
Doubles dots(const Doubles& e, int64_t rows, int count) {
  Doubles out;
  for (int64_t r = 0; r < rows; ++r) {
    for (int a = 0; a < count; ++a) {
      for (int b = 0; b < a; ++b) {
        double sum = 0;
        for (int d = 0; d < kDim; ++d) {
          sum += e[(r * count + a) * kDim + d] * e[(r * count + b) * kDim + d];
        }
        out.push_back(sum);
      }
    }
  }
  return out;
}

TEST(Models, LogisticRegressionIsTheSumOfItsWideTables) {
  ModelFixture m(LogisticRegression{});
  check_against(m.f, [](const Doubles& x, int64_t rows, const Weights& w) {
    return row_sums(x, rows, 0, kFeatures, w.at("wide.bias")[0]);
  });
}

TEST(Models, DlrmEqualsItsTwin) {
  ModelFixture m(Dlrm{.bottom = {6, kDim}, .top = {7, 1}});
  check_against(m.f, [&](const Doubles& x, int64_t rows, const Weights& w) {
    const Doubles bottom = mlp(m.dense_input, rows, w, "bottom", 2);
    const Doubles vectors = beside(bottom, x, rows, 0, kFeatures * kDim);
    const int pairs = (kFeatures + 1) * kFeatures / 2;
    const Doubles top = beside(bottom, dots(vectors, rows, kFeatures + 1), rows, 0, pairs);
    return mlp(top, rows, w, "top", 2);
  });
}

TEST(Models, WideDeepEqualsItsTwin) {
  ModelFixture m(WideDeep{.hidden = {6, 5}});
  check_against(m.f, [&](const Doubles& x, int64_t rows, const Weights& w) {
    const Doubles in = beside(m.dense_input, x, rows, 0, kFeatures * kDim);
    return add(mlp(in, rows, w, "deep", 3),
               row_sums(x, rows, kFeatures * kDim, kFeatures, w.at("wide.bias")[0]));
  });
}

TEST(Models, DeepFmEqualsItsTwin) {
  ModelFixture m(DeepFm{.hidden = {6}});
  check_against(m.f, [&](const Doubles& x, int64_t rows, const Weights& w) {
    const Doubles vectors = beside({}, x, rows, 0, kFeatures * kDim);
    const Doubles deep =
        mlp(beside(m.dense_input, vectors, rows, 0, kFeatures * kDim), rows, w, "deep", 2);
    const int pairs = kFeatures * (kFeatures - 1) / 2;
    const Doubles second = row_sums(dots(vectors, rows, kFeatures), rows, 0, pairs, 0);
    return add(add(deep, second),
               row_sums(x, rows, kFeatures * kDim, kFeatures, w.at("wide.bias")[0]));
  });
}

Doubles cross(const Doubles& x0, int64_t rows, const Weights& w, int layers) {
  Doubles x = x0;
  for (int l = 0; l < layers; ++l) {
    const std::string name = "cross." + std::to_string(l);
    const Doubles t =
        linear_reference(linear_reference(x, rows, w, name + ".v"), rows, w, name + ".u");
    for (size_t i = 0; i < x.size(); ++i) x[i] += x0[i] * t[i];
  }
  return x;
}

TEST(Models, StackedDcnv2EqualsItsTwin) {
  ModelFixture m(Dcnv2{.cross_layers = 2, .rank = 3, .hidden = {6}});
  check_against(m.f, [&](const Doubles& x, int64_t rows, const Weights& w) {
    const Doubles x0 = beside(m.dense_input, x, rows, 0, kFeatures * kDim);
    return mlp(cross(x0, rows, w, 2), rows, w, "deep", 2);
  });
}

TEST(Models, ParallelDcnv2WithABottomMlpEqualsItsTwin) {
  ModelFixture m(Dcnv2{.bottom = {5, 2},
                       .cross_layers = 1,
                       .rank = 2,
                       .hidden = {6},
                       .structure = CrossStructure::kParallel});
  check_against(m.f, [&](const Doubles& x, int64_t rows, const Weights& w) {
    const Doubles bottom = mlp(m.dense_input, rows, w, "bottom", 2);
    const Doubles x0 = beside(bottom, x, rows, 0, kFeatures * kDim);
    return add(mlp(x0, rows, w, "deep", 2),
               linear_reference(cross(x0, rows, w, 1), rows, w, "cross_logit"));
  });
}

TEST(Models, FeaturesChooseTheirParts) {
  InputSpec spec = input_spec();
  spec.features[0].wide = false;
  spec.features[1].deep = false;
  spec.features[2].table = "shared";
  const auto lookups = model_lookups(WideDeep{}, spec);
  ASSERT_EQ(lookups.size(), 4u);
  EXPECT_EQ(lookups[0].table, "C1");
  EXPECT_EQ(lookups[1].table, "shared");
  EXPECT_EQ(lookups[2].table, "wide_C2");
  EXPECT_EQ(lookups[3].table, "wide_C3");
  EXPECT_TRUE(lookups[2].wide);
  EXPECT_EQ(model_lookups(Dlrm{}, spec).size(), 2u);
  EXPECT_EQ(model_lookups(LogisticRegression{}, spec).size(), 2u);
}

std::string refusal(const ModelVariant& model, const std::function<void(ModelInput&)>& change) {
  const InputSpec spec = input_spec();
  ModelInput input = model_input(model, spec);
  change(input);
  try {
    check_model(model, input);
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kConfig);
    return e.what();
  }
  return "";
}

TEST(Models, RefusalsNameWhatDoesNotFit) {
  const auto nothing = [](ModelInput&) {};
  EXPECT_NE(refusal(Dlrm{.bottom = {6, 5}, .top = {1}}, nothing)
                .find("model.bottom ends in 5, the dim of the tables is 4"),
            std::string::npos);
  EXPECT_NE(refusal(Dlrm{.bottom = {6, 4}, .top = {2}}, nothing).find("model.top must end in 1"),
            std::string::npos);
  EXPECT_NE(refusal(Dlrm{.bottom = {4}, .top = {1}},
                    [](ModelInput& input) { input.lookups[1].width = 8; })
                .find("table 'C2' has 8, table 'C1' has 4"),
            std::string::npos);
}

}  // namespace
}  // namespace strata::models
