#include "models/network.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/hash.h"

namespace strata::models {
namespace {

constexpr int kFeatures = 4;
constexpr int kDense = 3;

NetworkConfig network_config(const ModelVariant& model, dense::Precision precision) {
  NetworkConfig config;
  config.model = model;
  config.input.dense_width = kDense;
  for (int f = 0; f < kFeatures; ++f) {
    FeatureSpec feature;
    feature.name = "C" + std::to_string(f + 1);
    config.input.features.push_back(feature);
  }
  for (const ModelLookup& lookup : model_lookups(model, config.input)) {
    embedding::TableConfig table;
    table.name = lookup.table;
    table.dim = lookup.wide ? 1 : 4;
    config.tables.push_back(table);
  }
  config.dense.precision = precision;
  return config;
}

/// `size` samples with lists of 0 to 2 ids, cut into uneven chunks, one of them empty.
Batch make_batch(int64_t size) {
  const CounterRng random{21};
  Batch batch;
  batch.size = size;
  batch.dense.resize(size * kDense);
  for (size_t i = 0; i < batch.dense.size(); ++i) batch.dense[i] = random.uniform(i);
  batch.offsets.push_back(0);
  for (int64_t i = 0; i < size * kFeatures; ++i) {
    const auto count = static_cast<int64_t>(random.below(1000 + i, 3));
    for (int64_t j = 0; j < count; ++j) batch.ids.push_back(random.below(9000 + 3 * i + j, 20));
    batch.offsets.push_back(static_cast<int64_t>(batch.ids.size()));
  }
  for (int64_t i = 0; i < size; ++i) batch.labels.push_back(i % 3 == 0 ? 1.0f : 0.0f);
  batch.chunk_begin = {0, size / 5, size / 5, size / 2, size};
  return batch;
}

/// Everything a few steps leave behind.
struct Outcome {
  std::vector<float> logits;
  std::vector<float> weights;
  std::vector<float> evaluation;
  bool operator==(const Outcome&) const = default;
};

LossHook loss_of(const Batch& batch) {
  return [&batch](int64_t begin, int64_t end, std::span<const float> logits,
                  std::span<float> dlogits) {
    for (int64_t i = begin; i < end; ++i) {
      dlogits[i] =
          (1 / (1 + std::exp(-logits[i])) - batch.labels[i]) / static_cast<float>(batch.size);
    }
  };
}

Outcome train(const NetworkConfig& config, int threads, bool one_call) {
  Network network(config);
  ThreadPool pool(threads);
  const Batch batch = make_batch(50);
  const LossHook loss = loss_of(batch);
  embedding::KeyedBatch keyed;
  embedding::Collection& tables = network.collection();
  Outcome out;
  for (uint32_t step = 1; step <= 3; ++step) {
    tables.prepare(batch, keyed, pool);
    tables.look_up(keyed, embedding::LookUpMode::kTrain, step, pool);
    if (one_call) {
      const auto logits = network.forward_backward(batch, keyed, {.step = step}, loss, pool);
      out.logits.assign(logits.begin(), logits.end());
    } else {
      const auto logits = network.forward(batch, keyed, dense::Mode::kTrain, step, pool);
      out.logits.assign(logits.begin(), logits.end());
      std::vector<float> dlogits(batch.size);
      loss(0, batch.size, logits, dlogits);
      network.backward(batch, dlogits, false, pool);
    }
    const auto dpool = network.dpool();
    tables.reduce_gradients(keyed, dpool.data, dpool.stride, batch.chunk_begin, pool);
    tables.apply(keyed, step, 1, pool);
    network.dense_update(step, 1, pool);
  }
  for (const dense::ParameterInfo& t : network.parameters().tensors()) {
    const auto w = network.parameters().weights(t);
    out.weights.insert(out.weights.end(), w.begin(), w.end());
  }
  tables.prepare(batch, keyed, pool);
  tables.look_up(keyed, embedding::LookUpMode::kReadOnly, 3, pool);
  const auto scores = network.forward(batch, keyed, dense::Mode::kEval, 0, pool);
  out.evaluation.assign(scores.begin(), scores.end());
  return out;
}

struct Case {
  const char* name;
  ModelVariant model;
};
class Networks : public testing::TestWithParam<std::tuple<Case, dense::Precision>> {};
INSTANTIATE_TEST_SUITE_P(
    Models, Networks,
    testing::Combine(
        testing::Values(
            Case{"dlrm", Dlrm{.bottom = {8, 4}, .top = {8, 1}}},
            Case{"dlrm_bn",
                 Dlrm{.bottom = {8, 4}, .top = {8, 6, 1}, .dropout = 0.2f, .batch_norm = true}},
            Case{"wide_deep", WideDeep{.hidden = {8}}},
            Case{"wide_deep_bn", WideDeep{.hidden = {8, 6}, .dropout = 0.3f, .batch_norm = true}},
            Case{"deepfm", DeepFm{.hidden = {8}, .dropout = 0.1f}},
            Case{"dcnv2", Dcnv2{.cross_layers = 2, .rank = 3, .hidden = {8}}},
            Case{"logistic_regression", LogisticRegression{}}),
        testing::Values(dense::Precision::kFp32, dense::Precision::kBf16)),
    [](const auto& info) {
      return std::string(std::get<0>(info.param).name) + "_" +
             std::string(enum_name(std::get<1>(info.param)));
    });

TEST_P(Networks, ThreadsAndTheShapeOfTheCallsDoNotChangeABit) {
  const auto& [model, precision] = GetParam();
  const NetworkConfig config = network_config(model.model, precision);
  const Outcome one = train(config, 1, true);
  EXPECT_EQ(one, train(config, 1, false));
  EXPECT_EQ(one, train(config, 2, true));
  EXPECT_EQ(one, train(config, 4, false));
  EXPECT_TRUE(std::ranges::all_of(one.evaluation, [](float v) { return std::isfinite(v); }));
}

TEST_P(Networks, LossFallsOnARepeatedBatch) {
  const auto& [model, precision] = GetParam();
  NetworkConfig config = network_config(model.model, precision);
  for (embedding::TableConfig& table : config.tables) {
    table.optimizer = {.algorithm = kernels::Adagrad{.learning_rate = 0.2f}};
  }
  Network network(config);
  ThreadPool pool(2);
  const Batch batch = make_batch(50);
  embedding::KeyedBatch keyed;
  double first = 0;
  double last = 0;
  for (uint32_t step = 1; step <= 60; ++step) {
    network.collection().prepare(batch, keyed, pool);
    network.collection().look_up(keyed, embedding::LookUpMode::kTrain, step, pool);
    const auto logits =
        network.forward_backward(batch, keyed, {.step = step}, loss_of(batch), pool);
    last = 0;
    for (int64_t i = 0; i < batch.size; ++i) {
      last += std::log1p(std::exp(batch.labels[i] > 0 ? -logits[i] : logits[i]));
    }
    if (step == 1) first = last;
    const auto dpool = network.dpool();
    network.collection().reduce_gradients(keyed, dpool.data, dpool.stride, batch.chunk_begin, pool);
    network.collection().apply(keyed, step, 1, pool);
    network.dense_update(step, 1, pool);
  }
  EXPECT_LT(last, 0.8 * first);
}

TEST(Network, AnEmptyBatchIsAccepted) {
  Network network(
      network_config(WideDeep{.hidden = {8}, .batch_norm = true}, dense::Precision::kFp32));
  ThreadPool pool(2);
  Batch batch;
  batch.offsets.assign(1, 0);
  batch.chunk_begin = {0, 0, 0};
  embedding::KeyedBatch keyed;
  network.collection().prepare(batch, keyed, pool);
  network.collection().look_up(keyed, embedding::LookUpMode::kTrain, 1, pool);
  EXPECT_TRUE(network.forward(batch, keyed, dense::Mode::kTrain, 1, pool).empty());
  network.backward(batch, {}, false, pool);
  for (const float g : network.parameters().gradient()) ASSERT_EQ(g, 0.0f);
}

TEST(Network, AccumulatedGradientsAddUp) {
  Network network(network_config(Dlrm{.bottom = {8, 4}, .top = {8, 1}}, dense::Precision::kFp32));
  ThreadPool pool(1);
  const Batch batch = make_batch(20);
  embedding::KeyedBatch keyed;
  network.collection().prepare(batch, keyed, pool);
  network.collection().look_up(keyed, embedding::LookUpMode::kTrain, 1, pool);
  network.forward_backward(batch, keyed, {.step = 1}, loss_of(batch), pool);
  const auto gradient = network.parameters().gradient();
  const std::vector<float> once(gradient.begin(), gradient.end());
  network.forward_backward(batch, keyed, {.step = 1, .accumulate = true}, loss_of(batch), pool);
  for (size_t i = 0; i < once.size(); ++i) ASSERT_EQ(gradient[i], once[i] + once[i]);
}

std::string refusal(const NetworkConfig& config) {
  try {
    Network network(config);
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kConfig);
    return e.what();
  }
  return "";
}

TEST(Network, RefusalsNameTheTable) {
  NetworkConfig missing = network_config(LogisticRegression{}, dense::Precision::kFp32);
  missing.tables.pop_back();
  EXPECT_NE(refusal(missing).find("'wide_C4'"), std::string::npos);
  NetworkConfig wide = network_config(LogisticRegression{}, dense::Precision::kFp32);
  wide.tables[1].dim = 2;
  EXPECT_NE(refusal(wide).find("'wide_C2' of the wide part must have dim 1"), std::string::npos);
  NetworkConfig unpooled = network_config(WideDeep{}, dense::Precision::kFp32);
  unpooled.input.features[0].pooling = embedding::Pooling::kNone;
  EXPECT_NE(refusal(unpooled).find("needs pooled rows"), std::string::npos);
}

}  // namespace
}  // namespace strata::models
