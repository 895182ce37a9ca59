#pragma once
// A whole model: embedding tables, dense program and dense parameters, driven batch by batch.

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/batch.h"
#include "base/thread_pool.h"
#include "dense/parameters.h"
#include "dense/program.h"
#include "embedding/collection.h"
#include "models/input_spec.h"
#include "models/model_list.h"

namespace strata::models {

/// What a Network is made of. `tables` has one entry for every table that model_lookups() names.
struct NetworkConfig {
  ModelVariant model;
  InputSpec input;
  std::vector<embedding::TableConfig> tables;
  dense::DenseConfig dense;
  uint64_t seed = 1;
};

/// Throws ConfigFaults where model, input and tables do not fit. Makes nothing.
void check_network(const NetworkConfig& config);

/// Floats of the dense part.
struct DenseSize {
  int64_t weights = 0;
  int64_t state = 0;  // of the optimizer
};

/// Of the network that `config` describes. Throws as check_network(). Makes nothing.
DenseSize dense_size(const NetworkConfig& config);

/// One training pass.
struct TrainingPass {
  uint64_t step = 0;        // feeds dropout
  bool accumulate = false;  // adds to the dense gradient instead of setting it
};

/// Loss of samples [begin, end): reads logits[i], writes dlogits[i] for begin <= i < end (spans
/// over the whole batch). Called per chunk, chunks in parallel.
using LossHook = std::function<void(int64_t begin, int64_t end, std::span<const float> logits,
                                    std::span<float> dlogits)>;

/// Not thread-safe: one call at a time; calls are parallel inside over `pool` with the same bits
/// for any number of threads. A training step is: prepare (may overlap the step before), look_up,
/// forward_backward (or forward, then backward), the sparse and the dense update.
class Network {
 public:
  /// Throws as check_network().
  explicit Network(NetworkConfig config);
  ~Network();
  Network(const Network&) = delete;
  Network& operator=(const Network&) = delete;

  /// Logits [B]; the span is valid until the next pass. `keyed` was prepared from `batch` and
  /// looked up. `step` feeds dropout.
  std::span<const float> forward(const Batch& batch, const embedding::KeyedBatch& keyed,
                                 dense::Mode mode, uint64_t step, ThreadPool& pool);

  /// After forward in Mode::kTrain of the same batch: dlogits [B] -> dense gradient summed in
  /// parameters(), and dpool() ready. With `accumulate` the dense gradient is added to.
  void backward(const Batch& batch, std::span<const float> dlogits, bool accumulate,
                ThreadPool& pool);

  /// forward in Mode::kTrain, loss and backward with one task per chunk where the model allows it:
  /// the same bits as the separate calls, faster. Returns the logits [B].
  std::span<const float> forward_backward(const Batch& batch, const embedding::KeyedBatch& keyed,
                                          const TrainingPass& pass, const LossHook& loss,
                                          ThreadPool& pool);

  /// Gradient of the pooled matrix [B, collection().out_width()] of the last backward, for
  /// Collection::reduce_gradients.
  dense::Block<const float> dpool() const;

  /// One dense optimizer step with the summed gradient times `scale`; `step` counts from 1.
  void dense_update(int64_t step, float scale, ThreadPool& pool);

  embedding::Collection& collection() { return *collection_; }
  const embedding::Collection& collection() const { return *collection_; }
  dense::Parameters& parameters() { return parameters_; }
  const dense::Parameters& parameters() const { return parameters_; }
  const NetworkConfig& config() const { return config_; }
  /// The dense part and where its inputs and its output are: for export.
  const dense::Program& program() const { return *program_; }
  const ModelTensors& tensors() const { return tensors_; }

 private:
  dense::PassInfo begin_pass(const Batch& batch, const embedding::KeyedBatch& keyed,
                             dense::Mode mode, uint64_t step, ThreadPool& pool);
  void fill_inputs(const dense::Chunk& chunk);
  void read_logits(const dense::Chunk& chunk);
  void write_dlogits(const dense::Chunk& chunk, std::span<const float> dlogits);

  NetworkConfig config_;
  dense::Parameters parameters_;
  std::unique_ptr<dense::Program> program_;
  std::unique_ptr<embedding::Collection> collection_;
  ModelTensors tensors_;
  const Batch* batch_ = nullptr;                  // of the pass in progress
  const embedding::KeyedBatch* keyed_ = nullptr;  // likewise
  uint64_t step_ = 0;                             // of the last forward
  std::vector<float> logits_;                     // [B]
  std::vector<float> dlogits_;                    // [B]
};

}  // namespace strata::models
