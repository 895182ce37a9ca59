// A whole training step of DLRM at the Criteo-Kaggle shape, from raw 64-bit ids in memory: keys,
// deduplication, look-up, pooling, forward, loss, backward, sparse and dense update. Tables capped
// at 1 M rows, ids uniform as in the PyTorch peers; every table is filled before timing.
// `dlrm_bench --help` lists the options.

#include <fmt/core.h>
#include <CLI/CLI.hpp>

#include <chrono>
#include <cmath>
#include <ctime>
#include <memory>
#include <string>
#include <vector>

#include "base/hash.h"
#include "base/thread_pool.h"
#include "bench/criteo_shape.h"
#include "bench/product_limit.h"
#include "models/network.h"

namespace strata::bench {
namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  int threads = 2;
  double seconds = 2;
  int64_t batch = 0;      // 0: 128, 512, 2048, 8192
  int64_t chunks = 0;     // 0: the default of train.chunks
  std::string precision;  // empty: both
  std::string optimizer;  // empty: both
  bool stages = false;    // prints where the time goes
};

kernels::OptimizerConfig optimizer_of(const std::string& name) {
  if (name == "sgd") return {.algorithm = kernels::Sgd{.learning_rate = 0.05f}};
  return {.algorithm = kernels::RowwiseAdagrad{.learning_rate = 0.05f}};
}

models::NetworkConfig network_config(const std::string& optimizer, dense::Precision precision) {
  models::NetworkConfig config;
  config.model = models::Dlrm{};
  config.input.dense_width = kDenseWidth;
  for (int f = 0; f < kFeatures; ++f) {
    models::FeatureSpec feature;
    feature.name = "C" + std::to_string(f + 1);
    config.input.features.push_back(feature);
    embedding::TableConfig table;
    table.name = feature.name;
    table.dim = kDim;
    table.optimizer = optimizer_of(optimizer);
    config.tables.push_back(table);
  }
  config.dense.precision = precision;
  config.dense.optimizer = {.algorithm = kernels::Sgd{.learning_rate = 0.05f}};
  return config;
}

/// Batch `number`: uniform ids below each cardinality, made hashes so that they are any 64 bits.
Batch make_batch(int64_t size, int64_t number, int64_t chunks) {
  const CounterRng random{static_cast<uint64_t>(number) + 17};
  Batch batch;
  batch.size = size;
  batch.dense.resize(size * kDenseWidth);
  for (size_t i = 0; i < batch.dense.size(); ++i) batch.dense[i] = random.uniform(i);
  batch.ids.resize(size * kFeatures);
  for (int64_t f = 0; f < kFeatures; ++f) {
    for (int64_t b = 0; b < size; ++b) {
      const uint64_t at = (uint64_t{1} << 40) + static_cast<uint64_t>(f * size + b);
      batch.ids[f * size + b] = mix64(random.below(at, kCardinalities[f]) + 1);
    }
  }
  for (int64_t i = 0; i <= size * kFeatures; ++i) batch.offsets.push_back(i);
  for (int64_t b = 0; b < size; ++b) batch.labels.push_back(b % 4 == 0 ? 1.0f : 0.0f);
  for (int64_t c = 0; c <= chunks; ++c) batch.chunk_begin.push_back(size * c / chunks);
  return batch;
}

/// Every id of every table once, in batches.
void fill_tables(models::Network& network, ThreadPool& pool) {
  constexpr int64_t kSize = 8192;
  embedding::KeyedBatch keyed;
  Batch batch = make_batch(kSize, 0, chunks_of(kSize));
  for (uint64_t first = 0; first < 1000000; first += kSize) {
    for (int64_t f = 0; f < kFeatures; ++f) {
      for (int64_t b = 0; b < kSize; ++b) {
        batch.ids[f * kSize + b] = mix64((first + b) % kCardinalities[f] + 1);
      }
    }
    network.collection().prepare(batch, keyed, pool);
    network.collection().look_up(keyed, embedding::LookUpMode::kTrain, 1, pool);
  }
}

enum Stage { kPrepare, kLookUp, kDense, kReduce, kApply, kUpdate, kStages };
constexpr const char* kStageNames[] = {"keys+dedup", "look-up",    "pool+dense",
                                       "sparse sum", "sparse upd", "dense upd"};

struct Bench {
  models::Network& network;
  ThreadPool& pool;
  std::vector<Batch> batches;
  embedding::KeyedBatch keyed;
  double stage_seconds[kStages] = {};

  void step(int64_t number) {
    const Batch& batch = batches[number % static_cast<int64_t>(batches.size())];
    embedding::Collection& tables = network.collection();
    const auto update = static_cast<uint32_t>(number + 2);
    const float per_sample = 1 / static_cast<float>(batch.size);
    timed(kPrepare, [&] { tables.prepare(batch, keyed, pool); });
    timed(kLookUp, [&] { tables.look_up(keyed, embedding::LookUpMode::kTrain, update, pool); });
    const models::LossHook loss = [&](int64_t begin, int64_t end, std::span<const float> logits,
                                      std::span<float> dlogits) {
      for (int64_t i = begin; i < end; ++i) {
        dlogits[i] = (1 / (1 + std::exp(-logits[i])) - batch.labels[i]) * per_sample;
      }
    };
    timed(kDense, [&] {
      network.forward_backward(batch, keyed, {.step = update, .accumulate = false}, loss, pool);
    });
    timed(kReduce, [&] {
      const auto dpool = network.dpool();
      tables.reduce_gradients(keyed, dpool.data, dpool.stride, batch.chunk_begin, pool);
    });
    timed(kApply, [&] { tables.apply(keyed, update, 1, pool); });
    timed(kUpdate, [&] { network.dense_update(update, 1, pool); });
  }

  template <class Body>
  void timed(Stage stage, Body&& body) {
    const auto start = Clock::now();
    body();
    stage_seconds[stage] += std::chrono::duration<double>(Clock::now() - start).count();
  }
};

double processor_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

void measure(Bench& bench, int64_t size, const Options& options, double limit) {
  bench.batches.clear();
  const int64_t count = std::max<int64_t>(4, (1 << 18) / size);
  const int64_t chunks = options.chunks != 0 ? options.chunks : chunks_of(size);
  for (int64_t i = 0; i < count; ++i) bench.batches.push_back(make_batch(size, i, chunks));
  int64_t number = 0;
  double rate = 0;
  double processor_rate = 0;
  for (const double seconds : {options.seconds / 3, options.seconds}) {  // the first one warms up
    for (double& s : bench.stage_seconds) s = 0;
    const auto start = Clock::now();
    const double processor = processor_seconds();
    double samples = 0;
    double elapsed = 0;
    do {
      bench.step(number++);
      samples += static_cast<double>(size);
      elapsed = std::chrono::duration<double>(Clock::now() - start).count();
    } while (elapsed < seconds);
    rate = samples / elapsed;
    processor_rate = samples * options.threads / (processor_seconds() - processor);
  }
  fmt::print(
      "  batch {:5}: {:6.1f} k samples/s, {:3.0f} % of {:.0f} k; by processor time {:6.1f} k\n",
      size, rate / 1e3, 100 * rate / limit, limit / 1e3, processor_rate / 1e3);
  if (!options.stages) return;
  double total = 0;
  for (const double s : bench.stage_seconds) total += s;
  for (int s = 0; s < kStages; ++s) {
    fmt::print("    {:11} {:4.1f} %\n", kStageNames[s], 100 * bench.stage_seconds[s] / total);
  }
}

int main(int argc, char** argv) {
  Options options;
  CLI::App app("DLRM training steps in memory");
  app.add_option("--threads", options.threads);
  app.add_option("--seconds", options.seconds, "per figure");
  app.add_option("--batch", options.batch, "one batch size only");
  app.add_option("--chunks", options.chunks, "instead of the default of train.chunks");
  app.add_option("--precision", options.precision)->check(CLI::IsMember({"fp32", "bf16"}));
  app.add_option("--optimizer", options.optimizer)
      ->check(CLI::IsMember({"sgd", "rowwise_adagrad"}));
  app.add_flag("--stages", options.stages, "print where the time goes");
  CLI11_PARSE(app, argc, argv);
  ThreadPool pool(options.threads);
  fmt::print("DLRM, Criteo Kaggle shape, {} threads, {}, uniform ids, deterministic\n",
             options.threads, kernels::gemm_library());
  for (const std::string optimizer : {"sgd", "rowwise_adagrad"}) {
    if (!options.optimizer.empty() && options.optimizer != optimizer) continue;
    for (const dense::Precision precision : {dense::Precision::kFp32, dense::Precision::kBf16}) {
      const std::string name(enum_name(precision));
      if (!options.precision.empty() && options.precision != name) continue;
      models::Network network(network_config(optimizer, precision));
      fill_tables(network, pool);
      fmt::print("{} {}\n", optimizer, name);
      Bench bench{.network = network, .pool = pool, .batches = {}, .keyed = {}};
      const double limit = product_flops(precision, pool) / kFlopsPerSample;
      for (const int64_t size : {128, 512, 2048, 8192}) {
        if (options.batch == 0 || options.batch == size) measure(bench, size, options, limit);
      }
    }
  }
  return 0;
}

}  // namespace
}  // namespace strata::bench

int main(int argc, char** argv) { return strata::bench::main(argc, argv); }
