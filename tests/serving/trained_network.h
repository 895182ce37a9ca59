#pragma once
// Small trained networks with their schemas, for the tests of serving/.

#include <cmath>
#include <memory>
#include <string>
#include <vector>

#include "base/hash.h"
#include "base/thread_pool.h"
#include "data/schema.h"
#include "models/network.h"

namespace strata::serving {

/// Two dense features, two categories and a list.
inline data::Schema small_schema() {
  data::Schema schema;
  schema.format = data::Format::kCsv;
  schema.fields = {"label", "I1", "I2", "C1", "C2", "tags"};
  schema.label.field = 0;
  schema.dense = {{.name = "I1", .field = 1}, {.name = "I2", .field = 2}};
  for (const char* name : {"C1", "C2", "tags"}) {
    data::SparseFeature feature;
    feature.name = name;
    feature.table = name;
    feature.field = static_cast<int>(3 + schema.sparse.size());
    if (feature.name == "tags") feature.kind = data::SparseKind::kList;
    schema.sparse.push_back(feature);
  }
  return schema;
}

/// Every model of the list, small enough for tables of dim 4.
inline std::vector<models::ModelVariant> small_models() {
  return {models::Dlrm{.bottom = {8, 4}, .top = {8, 1}},
          models::WideDeep{.hidden = {8, 6}, .dropout = 0.1f, .batch_norm = true},
          models::DeepFm{.hidden = {8}},
          models::Dcnv2{.bottom = {5}, .cross_layers = 2, .rank = 3, .hidden = {7}},
          models::Dcnv2{.bottom = {},
                        .cross_layers = 2,
                        .rank = 0,
                        .hidden = {7},
                        .structure = models::CrossStructure::kParallel},
          models::LogisticRegression{}};
}

/// What differs from the usual in a test.
struct NetworkOptions {
  kernels::OptimizerConfig optimizer = {.algorithm = kernels::RowwiseAdagrad{}};
  kernels::OptimizerConfig wide = {.algorithm = kernels::Ftrl{.learning_rate = 0.1f, .l1 = 0.3f}};
  kernels::DType dtype = kernels::DType::kF32;
};

inline models::NetworkConfig small_config(const models::ModelVariant& model,
                                          const NetworkOptions& options = {}) {
  models::NetworkConfig config;
  config.model = model;
  config.input.dense_width = 2;
  for (const data::SparseFeature& feature : small_schema().sparse) {
    models::FeatureSpec spec;
    spec.name = feature.name;
    if (feature.name == "tags") spec.pooling = embedding::Pooling::kMean;
    config.input.features.push_back(spec);
  }
  for (const models::ModelLookup& lookup : models::model_lookups(model, config.input)) {
    embedding::TableConfig table;
    table.name = lookup.table;
    table.dim = lookup.wide ? 1 : 4;
    table.dtype = lookup.wide ? kernels::DType::kF32 : options.dtype;
    table.optimizer = lookup.wide ? options.wide : options.optimizer;
    config.tables.push_back(table);
  }
  config.dense.optimizer = {.algorithm = kernels::Sgd{.learning_rate = 0.05f}};
  config.seed = 11;
  return config;
}

/// A random batch of the small schema; ids below `ids`.
inline Batch random_batch(uint64_t seed, int64_t size, uint64_t ids) {
  const CounterRng rng{seed};
  uint64_t draw = 0;
  Batch batch;
  batch.size = size;
  for (int64_t i = 0; i < 2 * size; ++i) batch.dense.push_back(2 * rng.uniform(draw++) - 1);
  batch.offsets.push_back(0);
  for (int feature = 0; feature < 3; ++feature) {
    for (int64_t sample = 0; sample < size; ++sample) {
      const uint64_t count = feature == 2 ? rng.below(draw++, 4) : 1;
      for (uint64_t i = 0; i < count; ++i) batch.ids.push_back(rng.below(draw++, ids));
      batch.offsets.push_back(static_cast<int64_t>(batch.ids.size()));
    }
  }
  for (int64_t i = 0; i < size; ++i) {
    batch.labels.push_back(rng.below(draw++, 3) == 0 ? 1.0f : 0.0f);
  }
  batch.chunk_begin = {0, size / 2, size};
  return batch;
}

/// A network after `steps` updates.
inline std::unique_ptr<models::Network> trained_network(const models::NetworkConfig& config,
                                                        uint32_t steps, ThreadPool& pool) {
  auto network = std::make_unique<models::Network>(config);
  embedding::KeyedBatch keyed;
  for (uint32_t step = 1; step <= steps; ++step) {
    const Batch batch = random_batch(step, 32, 300);
    embedding::Collection& tables = network->collection();
    tables.prepare(batch, keyed, pool);
    tables.look_up(keyed, embedding::LookUpMode::kTrain, step, pool);
    const auto logits = network->forward(batch, keyed, dense::Mode::kTrain, step, pool);
    std::vector<float> dlogits(logits.begin(), logits.end());
    for (size_t i = 0; i < dlogits.size(); ++i) {
      const float probability = 1 / (1 + std::exp(-logits[i]));
      dlogits[i] = (probability - batch.labels[i]) / static_cast<float>(batch.size);
    }
    network->backward(batch, dlogits, false, pool);
    const auto dpool = network->dpool();
    tables.reduce_gradients(keyed, dpool.data, dpool.stride, batch.chunk_begin, pool);
    network->dense_update(step, 1, pool);
    tables.apply(keyed, step, 1, pool);
  }
  return network;
}

}  // namespace strata::serving
