#pragma once
// Batches and configurations for the tests of embedding/.

#include <cmath>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/batch.h"
#include "base/hash.h"
#include "embedding/collection.h"

namespace strata::embedding {

/// ids[f][b] lists the (id, weight) of feature f of sample b.
using Bags = std::vector<std::vector<std::vector<std::pair<uint64_t, float>>>>;

inline Batch make_batch(const Bags& bags, int chunks, bool weighted) {
  Batch batch;
  batch.size = bags.empty() ? 0 : static_cast<int64_t>(bags[0].size());
  batch.offsets.push_back(0);
  for (const auto& feature : bags) {
    for (const auto& bag : feature) {
      for (const auto& [id, weight] : bag) {
        batch.ids.push_back(id);
        if (weighted) batch.id_weights.push_back(weight);
      }
      batch.offsets.push_back(static_cast<int64_t>(batch.ids.size()));
    }
  }
  for (int c = 0; c <= chunks; ++c) batch.chunk_begin.push_back(batch.size * c / chunks);
  return batch;
}

/// Random bags: feature f has hotness[f] ids a sample (0 … 2 * hotness when it is not 1).
inline Bags random_bags(uint64_t seed, int64_t samples, const std::vector<int>& hotness,
                        uint64_t ids) {
  const CounterRng rng{seed};
  uint64_t c = 0;
  Bags bags(hotness.size());
  for (size_t f = 0; f < hotness.size(); ++f) {
    bags[f].resize(samples);
    for (auto& bag : bags[f]) {
      const uint64_t length = hotness[f] == 1 ? 1 : rng.below(c++, 2 * hotness[f] + 1);
      for (uint64_t k = 0; k < length; ++k) {
        const float weight = 0.25f + rng.uniform(c++);
        bag.emplace_back(rng.below(c++, ids), weight);
      }
    }
  }
  return bags;
}

inline TableConfig table(std::string name, int dim, kernels::OptimizerConfig optimizer) {
  TableConfig config;
  config.name = std::move(name);
  config.dim = dim;
  config.optimizer = optimizer;
  config.init = {.algorithm = kernels::UniformInit{.low = -0.5f, .high = 0.5f}};
  return config;
}

inline kernels::OptimizerConfig sgd(float rate) {
  return {.algorithm = kernels::Sgd{.learning_rate = rate}};
}

/// Every row of a table: (id, bytes), in the order of scans.
inline std::vector<std::pair<uint64_t, std::vector<std::byte>>> all_rows(const Collection& tables,
                                                                         int table) {
  std::vector<std::pair<uint64_t, std::vector<std::byte>>> rows;
  tables.scan(table, tables.all_shards(), [&](const RowView& row) {
    rows.emplace_back(row.id, std::vector<std::byte>(row.bytes.begin(), row.bytes.end()));
  });
  return rows;
}

/// Weights of a row as an export reads them; empty when there is no such row.
inline std::vector<float> weights_of(const Collection& tables, int table, uint64_t id) {
  std::vector<float> out(tables.config(table).dim);
  const uint64_t h = tables.hash_of(table, id);
  const int shard = static_cast<int>(h >> 1 >> 53);
  bool found = false;
  tables.scan(table, {shard, 1}, [&](const RowView& row) {
    if (row.h != h) return;
    tables.read_weights(table, row.bytes, out);
    found = true;
  });
  return found ? out : std::vector<float>{};
}

/// What an id of weight w counts for in its bag.
inline double naive_factor(Pooling pooling, const std::vector<std::pair<uint64_t, float>>& bag,
                           float w) {
  double sum = 0;
  double squares = 0;
  for (const auto& [id, weight] : bag) sum += weight, squares += double{weight} * weight;
  if (pooling == Pooling::kMean) return w / sum;
  if (pooling == Pooling::kSqrtn) return w / std::sqrt(squares);
  return w;
}

/// Gradient of the pooled matrix in these tests: a fixed function of place and step.
inline std::vector<float> made_up_gradient(int64_t samples, int64_t width, uint64_t step) {
  const CounterRng rng{step * 1000 + 13};
  std::vector<float> out(samples * width);
  for (size_t i = 0; i < out.size(); ++i) out[i] = (rng.uniform(i) - 0.5f) * 0.1f;
  return out;
}

/// One step over a batch that is prepared; returns the pooled matrix.
inline std::vector<float> train_keyed(Collection& tables, const Batch& batch, KeyedBatch& keys,
                                      uint32_t step, ThreadPool& pool) {
  tables.look_up(keys, LookUpMode::kTrain, step, pool);
  const int64_t width = tables.out_width();
  std::vector<float> pooled(batch.size * width);
  tables.pool(keys, 0, batch.size, pooled.data(), width);
  const auto gradient = made_up_gradient(batch.size, width, step);
  tables.reduce_gradients(keys, gradient.data(), width, batch.chunk_begin, pool);
  tables.apply(keys, step, 1.0f, pool);
  return pooled;
}

/// One step over `bags`; returns the pooled matrix.
inline std::vector<float> train_step(Collection& tables, const Bags& bags, uint32_t step,
                                     ThreadPool& pool) {
  const Batch batch = make_batch(bags, 4, true);
  KeyedBatch keys;
  tables.prepare(batch, keys, pool);
  return train_keyed(tables, batch, keys, step, pool);
}

inline std::vector<kernels::OptimizerConfig> every_optimizer() {
  return {{.algorithm = kernels::Sgd{}},
          {.algorithm = kernels::Momentum{}},
          {.algorithm = kernels::Adagrad{}},
          {.algorithm = kernels::RowwiseAdagrad{}},
          {.algorithm = kernels::Adam{}},
          {.algorithm = kernels::RowwiseAdam{}},
          {.algorithm = kernels::Ftrl{.l1 = 0.01f}}};
}

inline std::vector<Lookup> two_lookups() {
  return {{.feature = 0, .table = "a"},
          {.feature = 1, .table = "a", .pooling = Pooling::kMean, .out_column = 8},
          {.feature = 2, .table = "b", .pooling = Pooling::kSqrtn, .out_column = 16}};
}

}  // namespace strata::embedding
