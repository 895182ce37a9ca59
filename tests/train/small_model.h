#pragma once
// Small networks over the samples of memory_reader.h, and copies of all they have learnt.

#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "kernels/optimizer_config.h"
#include "models/network.h"
#include "tests/train/memory_reader.h"
#include "train/inputs.h"

namespace strata::train {

struct SmallModel {
  models::ModelVariant model = models::Dlrm{.bottom = {8, 4}, .top = {8, 1}};
  MemoryTask task{};
  int dim = 4;
  kernels::DType dtype = kernels::DType::kF32;
  kernels::OptimizerConfig table_optimizer{.algorithm = kernels::Sgd{.learning_rate = 0.3f}};
  kernels::OptimizerConfig dense_optimizer{.algorithm = kernels::Sgd{.learning_rate = 0.1f}};
};

// One small config of every model; a model without one does not compile here.
inline models::ModelVariant small_config(const models::Dlrm&) {
  return models::Dlrm{.bottom = {8, 4}, .top = {8, 1}};
}
inline models::ModelVariant small_config(const models::WideDeep&) {
  return models::WideDeep{.hidden = {8, 6}, .dropout = 0.1f, .batch_norm = true};
}
inline models::ModelVariant small_config(const models::DeepFm&) {
  return models::DeepFm{.hidden = {8}};
}
inline models::ModelVariant small_config(const models::Dcnv2&) {
  return models::Dcnv2{.bottom = {5}, .cross_layers = 2, .rank = 3, .hidden = {7}};
}
inline models::ModelVariant small_config(const models::LogisticRegression& model) { return model; }

inline std::vector<models::ModelVariant> every_model() {
  const auto all = []<size_t... I>(std::index_sequence<I...>) {
    return std::vector{small_config(std::variant_alternative_t<I, models::ModelVariant>{})...};
  };
  return all(std::make_index_sequence<std::variant_size_v<models::ModelVariant>>{});
}

inline std::unique_ptr<models::Network> make_small_network(const SmallModel& small) {
  models::NetworkConfig config{.model = small.model, .input = {}, .tables = {}, .dense = {}};
  config.input.dense_width = small.task.dense;
  for (int feature = 0; feature < small.task.features; ++feature) {
    models::FeatureSpec spec;
    spec.name = "C" + std::to_string(feature + 1);
    config.input.features.push_back(spec);
  }
  config.dense.optimizer = small.dense_optimizer;
  config.tables = make_tables(config.model, config.input, [&](const std::string&, bool wide) {
    embedding::TableConfig table;
    table.dim = wide ? 1 : small.dim;
    table.dtype = small.dtype;
    table.optimizer = small.table_optimizer;
    return table;
  });
  return std::make_unique<models::Network>(config);
}

/// Everything a network has learnt, byte by byte.
struct Snapshot {
  struct Table {
    std::vector<uint64_t> hashes;
    std::vector<std::byte> rows;
    std::vector<float> rates;
    bool operator==(const Table&) const = default;
  };
  std::vector<Table> tables;
  std::vector<std::vector<float>> weights;
  std::vector<std::vector<float>> states;
  bool operator==(const Snapshot& other) const {
    const auto same = [](const auto& a, const auto& b) {
      return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
    };
    bool equal = tables == other.tables && weights.size() == other.weights.size();
    for (size_t i = 0; equal && i < weights.size(); ++i) {
      equal = same(weights[i], other.weights[i]) && same(states[i], other.states[i]);
    }
    return equal;
  }
};

inline Snapshot take_snapshot(const models::Network& network) {
  Snapshot snapshot;
  const embedding::Collection& collection = network.collection();
  for (int table = 0; table < collection.tables(); ++table) {
    Snapshot::Table& saved = snapshot.tables.emplace_back();
    collection.scan(table, collection.all_shards(), [&](const embedding::RowView& row) {
      saved.hashes.push_back(row.h);
      saved.rows.insert(saved.rows.end(), row.bytes.begin(), row.bytes.end());
    });
    const auto rates = collection.rate_history(table);
    saved.rates.assign(rates.begin(), rates.end());
  }
  for (const dense::ParameterInfo& tensor : network.parameters().tensors()) {
    const auto weights = network.parameters().weights(tensor);
    const auto state = network.parameters().state(tensor);
    snapshot.weights.emplace_back(weights.begin(), weights.end());
    snapshot.states.emplace_back(state.begin(), state.end());
  }
  return snapshot;
}

inline void restore_snapshot(const Snapshot& snapshot, models::Network& network) {
  embedding::Collection& collection = network.collection();
  for (int table = 0; table < collection.tables(); ++table) {
    const Snapshot::Table& saved = snapshot.tables[table];
    collection.clear(table);
    collection.insert_rows(table, saved.hashes, saved.rows);
    collection.set_rate_history(table, saved.rates);
  }
  dense::Parameters& parameters = network.parameters();
  size_t index = 0;
  for (const dense::ParameterInfo& tensor : parameters.tensors()) {
    std::copy(snapshot.weights[index].begin(), snapshot.weights[index].end(),
              parameters.weights(tensor).begin());
    std::copy(snapshot.states[index].begin(), snapshot.states[index].end(),
              parameters.state(tensor).begin());
    ++index;
  }
  parameters.weights_changed();
}

/// One config per optimizer of the list.
inline std::vector<kernels::OptimizerConfig> every_optimizer() {
  std::vector<kernels::OptimizerConfig> all;
  const auto add = [&]<size_t... I>(std::index_sequence<I...>) {
    (all.push_back({.algorithm = std::variant_alternative_t<I, kernels::OptimizerVariant>{}}), ...);
  };
  add(std::make_index_sequence<std::variant_size_v<kernels::OptimizerVariant>>{});
  return all;
}

}  // namespace strata::train
