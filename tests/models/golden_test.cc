// Every model trains as its PyTorch twin: same initial weights, same batches, same losses over 200
// steps, same gradients on the first. The files come from tests/golden/twin.py; configurations here
// repeat those there.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "kernels/bce.h"
#include "models/network.h"
#include "tests/models/golden_file.h"
#include "tests/sanitized.h"

namespace strata::models {
namespace {

constexpr int64_t kSamples = 64;
constexpr int kBatches = 50;
constexpr int kSteps = 200;
constexpr uint32_t kCheckedSteps = kSanitized ? 20 : kSteps;
constexpr int kDense = 4;
constexpr int kDim = 4;
constexpr int64_t kChunks = 8;
const std::vector<std::string> kColumns = {"C1", "C2", "C3", "C4"};

std::string golden_path(const std::string& name) {
  return std::string(STRATA_SOURCE_DIR) + "/tests/golden/data/" + name + ".safetensors";
}

/// Columns of all samples -> 50 batches.
std::vector<Batch> golden_batches() {
  const GoldenFile file(golden_path("batches"));
  const auto dense = file.read<float>("dense");
  const auto labels = file.read<float>("labels");
  const auto weights = file.read<float>("weights");
  std::vector<Batch> out(kBatches);
  for (int b = 0; b < kBatches; ++b) {
    Batch& batch = out[b];
    batch.size = kSamples;
    const auto slice = [&](const auto& all, int64_t width, auto& to) {
      const auto begin = all.begin() + b * kSamples * width;
      to.assign(begin, begin + kSamples * width);
    };
    slice(dense, kDense, batch.dense);
    slice(labels, 1, batch.labels);
    slice(weights, 1, batch.sample_weights);
    for (int64_t c = 0; c <= kChunks; ++c) batch.chunk_begin.push_back(c * kSamples / kChunks);
    batch.offsets.push_back(0);
  }
  for (const std::string& column : kColumns) {
    const auto ids = file.read<uint64_t>("ids." + column);
    const auto lengths = file.read<int64_t>("lengths." + column);
    const auto index = file.read<int64_t>("index." + column);
    size_t next = 0;
    for (int64_t s = 0; s < kSamples * kBatches; ++s) {
      Batch& batch = out[s / kSamples];
      for (int64_t k = 0; k < lengths[s]; ++k) batch.ids.push_back(ids[index[next++]]);
      batch.offsets.push_back(static_cast<int64_t>(batch.ids.size()));
    }
  }
  return out;
}

std::map<std::string, ModelVariant> golden_models() {
  return {{"logistic_regression", LogisticRegression{}},
          {"dlrm", Dlrm{.bottom = {8, kDim}, .top = {12, 1}}},
          {"dlrm_batch_norm", Dlrm{.bottom = {8, kDim}, .top = {12, 1}, .batch_norm = true}},
          {"wide_deep", WideDeep{.hidden = {12, 8}}},
          {"wide_deep_batch_norm", WideDeep{.hidden = {12, 8}, .batch_norm = true}},
          {"deepfm", DeepFm{.hidden = {12, 8}}},
          {"dcnv2", Dcnv2{.cross_layers = 2, .rank = 3, .hidden = {12}}},
          {"dcnv2_parallel", Dcnv2{.bottom = {8, 6},
                                   .cross_layers = 2,
                                   .rank = 0,
                                   .hidden = {12},
                                   .structure = CrossStructure::kParallel}}};
}

/// Tables in exact mode: the twins' optimizers are dense over them.
kernels::OptimizerConfig golden_optimizer(const std::string& name) {
  kernels::OptimizerConfig out{.mode = kernels::OptimizerMode::kExact};
  if (name == "sgd") out.algorithm = kernels::Sgd{.learning_rate = 0.1f};
  if (name == "momentum") out.algorithm = kernels::Momentum{.learning_rate = 0.02f};
  if (name == "adagrad") out.algorithm = kernels::Adagrad{.learning_rate = 0.02f};
  if (name == "rowwise_adagrad") out.algorithm = kernels::RowwiseAdagrad{.learning_rate = 0.02f};
  if (name == "rowwise_adam") out.algorithm = kernels::RowwiseAdam{.learning_rate = 0.002f};
  if (name == "ftrl") {
    out.algorithm = kernels::Ftrl{.learning_rate = 0.5f, .l1 = 0.002f, .l2 = 0.01f};
  }
  if (name.starts_with("adam")) out.algorithm = kernels::Adam{.learning_rate = 0.002f};
  if (name == "adam_l2") out.l2 = 0.001f;
  return out;
}

InputSpec golden_input() {
  InputSpec input;
  input.dense_width = kDense;
  for (const std::string& column : kColumns) {
    FeatureSpec feature;
    feature.name = column;
    feature.pooling = column == "C4" ? embedding::Pooling::kMean : embedding::Pooling::kSum;
    input.features.push_back(feature);
  }
  return input;
}

NetworkConfig golden_config(const ModelVariant& model, const kernels::OptimizerConfig& optimizer) {
  NetworkConfig config;
  config.model = model;
  config.input = golden_input();
  for (const ModelLookup& lookup : model_lookups(model, config.input)) {
    embedding::TableConfig table;
    table.name = lookup.table;
    table.dim = lookup.wide ? 1 : kDim;
    table.pooling = lookup.pooling;
    table.optimizer = optimizer;
    config.tables.push_back(table);
  }
  config.dense.optimizer = optimizer;
  return config;
}

/// A network that starts from the golden weights and is driven as train/ drives it.
class GoldenRun {
 public:
  GoldenRun(const std::string& model, const std::string& optimizer)
      : golden_(golden_path(model)),
        ids_(golden_path("batches")),
        network_(golden_config(golden_models().at(model), golden_optimizer(optimizer))) {
    for (const auto& tensor : network_.parameters().tensors()) {
      if (tensor.trainable) fill_tensor(tensor);
    }
    network_.parameters().weights_changed();
    for (int t = 0; t < network_.collection().tables(); ++t) fill_table(t);
  }

  /// Tensors and tables that were given their golden weights.
  size_t tensors() const { return tensors_; }
  const GoldenFile& golden() const { return golden_; }
  Network& network() { return network_; }
  const embedding::KeyedBatch& keyed() const { return keyed_; }

  /// Forward and backward of step `step` (from 1); returns the loss.
  double gradients(const Batch& batch, uint32_t step) {
    auto& collection = network_.collection();
    collection.prepare(batch, keyed_, pool_);
    collection.look_up(keyed_, embedding::LookUpMode::kTrain, step, pool_);
    std::vector<double> losses(kSamples, 0.0);
    const auto hook = [&](int64_t begin, int64_t end, std::span<const float> logits,
                          std::span<float> dlogits) {
      const auto part = [&](const std::vector<float>& all) {
        return std::span(all).subspan(begin, end - begin);
      };
      losses[begin] = kernels::bce({.logits = logits.subspan(begin, end - begin),
                                    .labels = part(batch.labels),
                                    .weights = part(batch.sample_weights),
                                    .batch_samples = batch.size},
                                   dlogits.data() + begin)
                          .loss;
    };
    network_.forward_backward(batch, keyed_, {.step = step, .accumulate = false}, hook, pool_);
    const auto dpool = network_.dpool();
    collection.reduce_gradients(keyed_, dpool.data, dpool.stride, batch.chunk_begin, pool_);
    double loss = 0;
    for (double part : losses) loss += part;
    return loss / static_cast<double>(batch.size);
  }

  void update(uint32_t step) {
    network_.collection().apply(keyed_, step, 1, pool_);
    network_.dense_update(step, 1, pool_);
  }

  std::vector<uint64_t> ids_of(int table) const {
    const std::string& name = network_.collection().config(table).name;
    return ids_.read<uint64_t>("ids." + name.substr(name.size() - 2));
  }

 private:
  void fill_tensor(const dense::ParameterInfo& tensor) {
    const auto values = golden_.read<float>("initial." + tensor.name);
    const auto weights = network_.parameters().weights(tensor);
    ASSERT_EQ(values.size(), weights.size()) << tensor.name;
    std::ranges::copy(values, weights.begin());
    const auto& optimizer = network_.config().dense.optimizer;
    const int cols = static_cast<int>(tensor.cols());
    float* const state = network_.parameters().state(tensor).data();
    for (int64_t r = 0; r < tensor.rows(); ++r) {
      optimizer.init_state(weights.data() + r * cols, state + r * optimizer.state_floats(cols),
                           cols);
    }
    ++tensors_;
  }

  void fill_table(int t) {
    auto& collection = network_.collection();
    const auto& config = collection.config(t);
    const auto& layout = collection.layout(t);
    const auto weights = golden_.read<float>("initial.table." + config.name);
    const auto ids = ids_of(t);
    ASSERT_EQ(weights.size(), ids.size() * config.dim);
    std::vector<uint64_t> hashes;
    std::vector<std::byte> rows(ids.size() * layout.row_bytes());
    for (size_t r = 0; r < ids.size(); ++r) {
      const float* w = weights.data() + r * config.dim;
      std::byte* row = rows.data() + r * layout.row_bytes();
      hashes.push_back(collection.hash_of(t, ids[r]));
      std::memcpy(row, w, config.dim * sizeof(float));
      config.optimizer.init_state(w, reinterpret_cast<float*>(row + layout.state_offset()),
                                  config.dim);
    }
    collection.insert_rows(t, hashes, rows);
    ++tensors_;
  }

  GoldenFile golden_;
  GoldenFile ids_;
  Network network_;
  embedding::KeyedBatch keyed_;
  ThreadPool pool_{2};
  size_t tensors_ = 0;
};

std::vector<std::string> model_names() {
  std::vector<std::string> out;
  for (const auto& [name, model] : golden_models()) out.push_back(name);
  return out;
}

template <size_t... I>
std::vector<std::string_view> optimizer_names(std::index_sequence<I...>) {
  return {std::variant_alternative_t<I, kernels::OptimizerVariant>::kName...};
}

TEST(Golden, EveryModelAndOptimizerOfTheListsHasItsTwin) {
  std::set<size_t> models;
  for (const auto& [name, model] : golden_models()) {
    models.insert(model.index());
    const std::vector<std::string> losses = GoldenFile(golden_path(name)).names("losses.");
    constexpr size_t kOptimizers = std::variant_size_v<kernels::OptimizerVariant>;
    for (const auto optimizer : optimizer_names(std::make_index_sequence<kOptimizers>{})) {
      EXPECT_TRUE(std::ranges::count(losses, optimizer)) << name << " " << optimizer;
    }
  }
  EXPECT_EQ(models.size(), std::variant_size_v<ModelVariant>);
}

class GoldenModel : public testing::TestWithParam<std::string> {};
INSTANTIATE_TEST_SUITE_P(Models, GoldenModel, testing::ValuesIn(model_names()),
                         [](const auto& info) { return info.param; });

TEST_P(GoldenModel, LossesOf200StepsEqualTheTwinsUnderEveryOptimizer) {
  const std::vector<Batch> batches = golden_batches();
  for (const std::string& optimizer : GoldenFile(golden_path(GetParam())).names("losses.")) {
    GoldenRun run(GetParam(), optimizer);
    const auto want = run.golden().read<double>("losses." + optimizer);
    ASSERT_EQ(want.size(), kSteps);
    double worst = 0;
    for (uint32_t step = 1; step <= kCheckedSteps; ++step) {
      const double loss = run.gradients(batches[(step - 1) % kBatches], step);
      worst = std::max(worst, std::abs(loss / want[step - 1] - 1));
      ASSERT_LE(worst, 1e-4) << optimizer << " step " << step;
      run.update(step);
    }
    RecordProperty(optimizer, fmt::format("{:.1e}", worst));
  }
}

/// Differences relative to the largest gradient of the tensor.
void expect_equal_gradients(const std::vector<double>& want, const std::vector<double>& got,
                            const std::string& name) {
  ASSERT_EQ(want.size(), got.size()) << name;
  double largest = 5e-3;  // at least: a bias before batch norm has no gradient but rounding
  for (double g : want) largest = std::max(largest, std::abs(g));
  for (size_t i = 0; i < want.size(); ++i) {
    ASSERT_NEAR(got[i], want[i], 1e-5 * largest) << name << " element " << i;
  }
}

TEST_P(GoldenModel, AllGradientsOfTheFirstStepEqualTheTwins) {
  GoldenRun run(GetParam(), "sgd");
  EXPECT_EQ(run.tensors(), run.golden().names("initial.").size()) << "a tensor of the twin is ours";
  run.gradients(golden_batches()[0], 1);
  auto& parameters = run.network().parameters();
  for (const auto& tensor : parameters.tensors()) {
    if (!tensor.trainable) continue;
    const auto got = parameters.gradient(tensor);
    expect_equal_gradients(run.golden().read<double>("gradient." + tensor.name),
                           {got.begin(), got.end()}, tensor.name);
  }
  const auto& collection = run.network().collection();
  for (int t = 0; t < collection.tables(); ++t) {
    const int dim = collection.config(t).dim;
    const auto ids = run.ids_of(t);
    std::vector<double> got(ids.size() * dim, 0.0);
    const auto hashes = run.keyed().hashes(t);
    for (size_t u = 0; u < hashes.size(); ++u) {
      const auto at = std::ranges::find(ids, collection.id_of(t, hashes[u]));
      ASSERT_NE(at, ids.end());
      for (int i = 0; i < dim; ++i) {
        got[(at - ids.begin()) * dim + i] = run.keyed().gradients(t)[u * dim + i];
      }
    }
    const std::string name = "table." + collection.config(t).name;
    expect_equal_gradients(run.golden().read<double>("gradient." + name), got, name);
  }
}

}  // namespace
}  // namespace strata::models
