#pragma once
// The trained tensors of the dense part: fp32 master weights, optimizer state and gradients.

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/buffer.h"
#include "base/thread_pool.h"
#include "dense/dense_config.h"

namespace strata::dense {

/// How a tensor starts; element i of tensor `name` is drawn from (seed, name, i) by counter, so it
/// is the same on every machine and whatever other tensors exist.
struct Initializer {
  enum class Kind : uint8_t { kConstant, kUniform, kNormal };
  Kind kind = Kind::kConstant;
  float scale = 0;  // the constant, the bound of (-scale, scale), or the standard deviation

  static Initializer constant(float value) { return {Kind::kConstant, value}; }
  /// torch.nn.Linear: weight and bias uniform in ±1/sqrt(in).
  static Initializer torch_linear(int64_t in);
  /// Glorot & Bengio 2010: normal with standard deviation sqrt(2 / (in + out)), as DLRM's weights.
  static Initializer xavier_normal(int64_t in, int64_t out);
  /// Normal with standard deviation `deviation`; DLRM's biases use sqrt(1 / out).
  static Initializer normal(float deviation) { return {Kind::kNormal, deviation}; }
};

/// Index of a tensor in Parameters.
struct ParameterId {
  int index = -1;
};

/// One named tensor. Names and shapes are torch's: "bottom.0.weight" is [out, in] row-major.
struct ParameterInfo {
  std::string name;
  std::vector<int64_t> shape;  // one or two dimensions
  Initializer init;
  bool trainable = true;     // false: a buffer (running statistics), saved but not updated
  int64_t offset = 0;        // first float in weights(); a multiple of 16
  int64_t chunk_offset = 0;  // first float in a chunk's gradient
  int64_t chunk_stride = 0;  // floats from row to row there: whole vectors
  int64_t state_offset = 0;  // first float of the optimizer state
  int64_t state_size = 0;    // floats of optimizer state

  int64_t rows() const { return shape.size() == 2 ? shape[0] : 1; }
  int64_t cols() const { return shape.back(); }
  int64_t size() const { return rows() * cols(); }
};

/// One tensor's rows in the gradient of a chunk.
struct ChunkRows {
  float* data = nullptr;
  int64_t stride = 0;
};

/// All tensors of a model in one flat aligned fp32 buffer, trainable ones first, with one optimizer
/// for all. Filled by add() while the model is built, then finalize(). Not thread-safe, except that
/// different chunks' gradients are written in parallel; calls that take a pool are parallel inside
/// and give the same bits for any number of threads.
class Parameters {
 public:
  /// Registers a tensor. Throws CheckFailure if the name exists or finalize() was called.
  ParameterId add(std::string name, std::vector<int64_t> shape, Initializer init);
  ParameterId add_buffer(std::string name, std::vector<int64_t> shape, Initializer init);

  /// Fixes the layout, allocates, and draws the initial weights from (seed, name, element).
  void finalize(uint64_t seed, const DenseConfig& config);
  /// Makes room for the gradients of `chunks` chunks; existing gradients are lost when it grows.
  void reserve_chunks(int64_t chunks);

  std::span<const ParameterInfo> tensors() const { return tensors_; }
  /// Floats of the trainable tensors, padding between them included.
  int64_t trainable_floats() const { return trainable_floats_; }

  std::span<float> weights(ParameterId id) { return weights(tensors_[id.index]); }
  std::span<float> weights(const ParameterInfo& tensor);
  std::span<const float> weights(const ParameterInfo& tensor) const;
  /// Says that weights were written from outside, so that copies in other formats are made again.
  void weights_changed() { ++version_; }
  /// Grows with every change of the weights.
  uint64_t version() const { return version_; }

  /// Optimizer state of a trainable tensor, row by row: [rows, state_floats(cols)]; a vector is one
  /// row. Empty for buffers.
  std::span<float> state(const ParameterInfo& tensor);
  std::span<const float> state(const ParameterInfo& tensor) const;
  /// Gives a trainable tensor the state of one that no update has touched, at its present weights.
  void reset_state(const ParameterInfo& tensor);

  /// Gradient of a tensor of one row by one chunk; a layer's backward must write all of it.
  std::span<float> chunk_gradient(int64_t chunk, ParameterId id);
  /// The same of any tensor: rows of cols() floats, `stride` floats apart, so that matrix products
  /// may write whole vectors; what is between the rows is not read.
  ChunkRows chunk_gradient_rows(int64_t chunk, ParameterId id);
  /// Sums the chunks' gradients in the pairwise tree into gradient(); chunks without samples are
  /// skipped. With `accumulate` the sum is added to gradient() (gradient accumulation).
  void reduce_gradients(std::span<const int64_t> chunk_begin, bool accumulate, ThreadPool& pool);
  /// The summed gradient of all trainable tensors, [trainable_floats()]; padding is 0.
  std::span<float> gradient() { return {gradient_.data(), gradient_.size()}; }
  std::span<float> gradient(const ParameterInfo& tensor);
  /// Sum of squares of gradient(), in double and in a fixed order.
  double squared_gradient_norm(ThreadPool& pool) const;

  /// One optimizer step with gradient() times `scale`. `step` counts updates from 1.
  void update(int64_t step, float scale, ThreadPool& pool);
  /// The rate of the next update(); at first the configured one.
  void set_learning_rate(float rate) { learning_rate_ = rate; }

 private:
  /// Rows of one tensor that one task sums or updates.
  struct RowBlock {
    int tensor;
    int64_t row_begin;
    int64_t row_end;
  };

  ParameterId add(ParameterInfo info);
  void plan_layout();
  void plan_blocks();
  void initialize(uint64_t seed);
  int64_t chunk_stride(const ParameterInfo& tensor) const;
  void sum_block(const RowBlock& block, std::span<const float* const> leaves, bool accumulate);

  std::vector<ParameterInfo> tensors_;
  DenseConfig config_;
  float learning_rate_ = 0;
  std::vector<RowBlock> blocks_;
  bool finalized_ = false;
  int64_t trainable_floats_ = 0;
  uint64_t version_ = 1;
  AlignedVector<float> weights_;          // [trainable | buffers]
  AlignedVector<float> state_;            // of all trainable tensors
  int64_t chunk_floats_ = 0;              // of one chunk's gradient
  AlignedVector<float> chunk_gradients_;  // [chunks][chunk_floats_]
  int64_t chunks_ = 0;
  AlignedVector<float> gradient_;  // [trainable]
};

}  // namespace strata::dense
