#pragma once
// A small model that checkpoints are made of and loaded into.

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "storage/publication.h"
#include "tests/embedding/batches.h"
#include "train/checkpoint.h"

namespace strata::train {

inline constexpr int kShardBits = 4;

struct ModelOptions {
  kernels::OptimizerConfig first = {.algorithm = kernels::Adagrad{}};
  int dim = 4;
};

/// A small model: three tables of different row types, two dense tensors and a buffer.
struct Model {
  embedding::Collection tables;
  dense::Parameters parameters;
};

inline std::unique_ptr<Model> make_model(const ModelOptions& options = {}) {
  kernels::OptimizerConfig exact{.algorithm = kernels::Adam{}};
  exact.mode = kernels::OptimizerMode::kExact;
  std::vector<embedding::TableConfig> configs = {
      embedding::table("C1", options.dim, options.first),
      embedding::table("odd name/../C2", 3, {.algorithm = kernels::Adam{}}),
      embedding::table("exact", 2, exact)};
  configs[1].dtype = kernels::DType::kBf16;
  std::vector<embedding::Lookup> lookups;
  int64_t column = 0;
  for (size_t f = 0; f < configs.size(); ++f) {
    lookups.push_back({.feature = static_cast<int>(f),
                       .table = configs[f].name,
                       .pooling = embedding::Pooling::kSum,
                       .out_column = column});
    column += configs[f].dim;
  }
  auto model = std::make_unique<Model>(
      Model{.tables = embedding::Collection(configs, lookups, 7, kShardBits), .parameters = {}});
  model->parameters.add("top.0.weight", {3, 5}, dense::Initializer::torch_linear(5));
  model->parameters.add("top.0.bias", {3}, dense::Initializer::constant(0.5f));
  model->parameters.add_buffer("norm.mean", {3}, dense::Initializer::normal(1));
  model->parameters.finalize(3, {.optimizer = {.algorithm = kernels::Adagrad{}}});
  return model;
}

/// Updates tables with random gradients; rows are created on the way.
inline void train(Model& model, uint32_t first_step, uint32_t steps) {
  ThreadPool pool(1);
  for (uint32_t step = first_step; step < first_step + steps; ++step) {
    const Batch batch =
        embedding::make_batch(embedding::random_bags(step, 20, {1, 2, 1}, 500), 2, false);
    embedding::KeyedBatch keys;
    model.tables.prepare(batch, keys, pool);
    model.tables.look_up(keys, embedding::LookUpMode::kTrain, step, pool);
    const int64_t width = model.tables.out_width();
    std::vector<float> gradient(static_cast<size_t>(batch.size * width));
    const CounterRng rng{step};
    for (size_t i = 0; i < gradient.size(); ++i) gradient[i] = rng.uniform(i) - 0.5f;
    model.tables.reduce_gradients(keys, gradient.data(), width, batch.chunk_begin, pool);
    model.tables.apply(keys, step, 1, pool);
    for (const dense::ParameterInfo& tensor : model.parameters.tensors()) {
      for (float& w : model.parameters.weights(tensor)) w += 0.125f * static_cast<float>(step);
      for (float& s : model.parameters.state(tensor)) s += 1;
    }
  }
}

inline CheckpointText text_at(int64_t step) {
  CheckpointText text;
  text.state.step = step;
  text.state.samples = 20 * step;
  text.state.seed = 9;
  text.schema = {{"fields", {"a", "b"}}};
  text.resolved_config = "model: {name: dlrm}\n";
  text.metrics = {{"auc", 0.75}};
  return text;
}

inline std::string save(storage::FileSystem& files, Model& model, int64_t step,
                        const Retention& retention = {}) {
  CheckpointCut cut = take_cut(model.tables, model.parameters, text_at(step));
  return save_checkpoint(files, cut, retention);
}

inline LoadReport load(const storage::FileSystem& files, const std::string& name, Model& model,
                       const LoadOptions& options = {}) {
  return load_checkpoint(files, name, model.tables, model.parameters, options);
}

inline void expect_equal(Model& a, Model& b) {
  for (int table = 0; table < a.tables.tables(); ++table) {
    EXPECT_EQ(embedding::all_rows(a.tables, table), embedding::all_rows(b.tables, table));
    const auto x = a.tables.rate_history(table);
    const auto y = b.tables.rate_history(table);
    EXPECT_TRUE(std::ranges::equal(x, y));
  }
  for (size_t i = 0; i < a.parameters.tensors().size(); ++i) {
    const auto& x = a.parameters.tensors()[i];
    const auto& y = b.parameters.tensors()[i];
    EXPECT_TRUE(std::ranges::equal(a.parameters.weights(x), b.parameters.weights(y))) << x.name;
    EXPECT_TRUE(std::ranges::equal(a.parameters.state(x), b.parameters.state(y))) << x.name;
  }
}

/// Files of a checkpoint, its manifest included.
inline std::vector<std::string> files_of(const storage::FileSystem& files,
                                         const std::string& name) {
  std::vector<std::string> names;
  for (const storage::Entry& entry : storage::list_tree(files, name)) {
    if (entry.kind == storage::EntryKind::kFile) names.push_back(name + "/" + entry.name);
  }
  return names;
}

}  // namespace strata::train
