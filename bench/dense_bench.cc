// The dense part of DLRM at the Criteo-Kaggle shape alone: forward, loss, backward, chunk tree and
// SGD on rows that are already pooled. What is left to dlrm_bench's figures is the embeddings'.

#include <fmt/core.h>
#include <CLI/CLI.hpp>

#include <chrono>
#include <cmath>
#include <ctime>
#include <vector>

#include "base/hash.h"
#include "base/thread_pool.h"
#include "bench/criteo_shape.h"
#include "bench/product_limit.h"
#include "models/model_list.h"

namespace strata::bench {
namespace {

using Clock = std::chrono::steady_clock;

models::InputSpec criteo_input() {
  models::InputSpec spec{.dense_width = kDenseWidth, .features = {}};
  for (int f = 0; f < kFeatures; ++f) {
    models::FeatureSpec feature;
    feature.name = "C" + std::to_string(f + 1);
    spec.features.push_back(feature);
  }
  return spec;
}

struct DenseRun {
  models::InputSpec spec = criteo_input();
  dense::Parameters parameters;
  dense::Program program;
  models::ModelTensors tensors;
  std::vector<int64_t> chunk_begin;
  std::vector<float> values;

  DenseRun(dense::Precision precision, int64_t batch, int threads)
      : program(parameters, precision, 1) {
    models::ModelInput input{.input = spec, .lookups = {}, .pooled_width = 0, .deep_width = 0};
    for (const models::ModelLookup& lookup : models::model_lookups(models::Dlrm{}, spec)) {
      input.lookups.push_back({.lookup = lookup, .column = input.pooled_width, .width = kDim});
      input.pooled_width += kDim;
      input.deep_width += kDim;
    }
    tensors = models::build_model(models::Dlrm{}, input, program);
    program.finish(tensors.logits);
    parameters.finalize(1, {});
    const int64_t chunks = chunks_of(batch);
    for (int64_t c = 0; c <= chunks; ++c) chunk_begin.push_back(batch * c / chunks);
    program.reserve(batch, chunks, threads);
    values.resize(4096);
    for (size_t i = 0; i < values.size(); ++i) values[i] = CounterRng{3}.uniform(i);
    program.set_before_forward([this](const dense::Chunk& chunk) { fill(chunk); });
  }

  void fill(const dense::Chunk& chunk) {
    for (const dense::Tensor& t : {tensors.dense, tensors.pooled}) {
      const auto to = program.value<float>(t, chunk.begin);
      for (int64_t r = 0; r < chunk.rows(); ++r) {
        std::copy_n(values.data() + (chunk.begin + r) % 1024, t.width, to.row(r));
      }
    }
  }

  void step(int64_t number, ThreadPool& pool) {
    const dense::PassInfo pass{.chunk_begin = chunk_begin};
    const float per_sample = 1 / static_cast<float>(chunk_begin.back());
    program.forward_backward(
        pass,
        [&](const dense::Chunk& chunk) {
          const auto z = program.value<float>(tensors.logits, chunk.begin);
          const auto dz = program.gradient<float>(tensors.logits, chunk.begin);
          for (int64_t r = 0; r < chunk.rows(); ++r) {
            const float label = (chunk.begin + r) % 4 == 0 ? 1.0f : 0.0f;
            dz.row(r)[0] = (1 / (1 + std::exp(-z.row(r)[0])) - label) * per_sample;
          }
        },
        pool);
    parameters.reduce_gradients(chunk_begin, false, pool);
    parameters.update(number, 1, pool);
  }
};

struct Rates {
  double wall = 0;  // samples a second
  double cpu = 0;   // samples a second of processor time, times threads: holds on a busy machine
};

double processor_seconds() { return static_cast<double>(std::clock()) / CLOCKS_PER_SEC; }

Rates samples_per_second(dense::Precision precision, int64_t batch, ThreadPool& pool,
                         double seconds) {
  DenseRun run(precision, batch, pool.threads());
  Rates best;
  int64_t number = 0;
  for (int round = 0; round < 4; ++round) {  // the first one warms up
    const auto start = Clock::now();
    const double processor = processor_seconds();
    int64_t steps = 0;
    double elapsed = 0;
    do {
      run.step(++number, pool);
      ++steps;
      elapsed = std::chrono::duration<double>(Clock::now() - start).count();
    } while (elapsed < seconds / 4);
    if (round == 0) continue;
    const auto samples = static_cast<double>(steps * batch);
    best.wall = std::max(best.wall, samples / elapsed);
    best.cpu = std::max(best.cpu, samples * pool.threads() / (processor_seconds() - processor));
  }
  return best;
}

int main(int argc, char** argv) {
  int threads = 2;
  double seconds = 1;
  CLI::App app("Dense part of DLRM training steps");
  app.add_option("--threads", threads);
  app.add_option("--seconds", seconds, "per figure");
  CLI11_PARSE(app, argc, argv);
  ThreadPool pool(threads);
  fmt::print("dense part of DLRM, Criteo Kaggle shape, {} threads, {}\n", threads,
             kernels::gemm_library());
  for (const dense::Precision precision : {dense::Precision::kFp32, dense::Precision::kBf16}) {
    const double limit = product_flops(precision, pool) / kFlopsPerSample;
    for (const int64_t batch : {128, 512, 2048, 8192}) {
      const Rates rate = samples_per_second(precision, batch, pool, seconds);
      fmt::print(
          "{} batch {:5}: {:6.1f} k samples/s, {:3.0f} % of {:.0f} k; by processor time {:6.1f} "
          "k\n",
          enum_name(precision), batch, rate.wall / 1e3, 100 * rate.wall / limit, limit / 1e3,
          rate.cpu / 1e3);
    }
  }
  return 0;
}

}  // namespace
}  // namespace strata::bench

int main(int argc, char** argv) { return strata::bench::main(argc, argv); }
