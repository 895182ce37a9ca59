#include "dense/parameters.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/check.h"
#include "base/hash.h"
#include "kernels/apply_rows.h"
#include "kernels/init.h"
#include "kernels/tree_sum.h"

namespace strata::dense {
namespace {

constexpr int64_t kAlignFloats = 16;      // one cache line
constexpr int64_t kBlockFloats = 8192;    // of one parallel task over a flat buffer
constexpr uint64_t kWeightStream = 0x77;  // keeps weights apart from other users of the seed

int64_t align_up(int64_t floats) {
  return (floats + kAlignFloats - 1) / kAlignFloats * kAlignFloats;
}

/// FNV-1a over the bytes of a name, mixed: the stream of a tensor's random numbers.
uint64_t name_hash(const std::string& name) {
  uint64_t hash = 0xcbf29ce484222325ull;
  for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3ull;
  return mix64(hash);
}

kernels::InitConfig config_of(const Initializer& init) {
  switch (init.kind) {
    case Initializer::Kind::kUniform:
      return {kernels::UniformInit{.low = -init.scale, .high = init.scale}};
    case Initializer::Kind::kNormal:
      return {kernels::NormalInit{.mean = 0, .std = init.scale}};
    case Initializer::Kind::kConstant:
      break;
  }
  return {kernels::ConstantInit{.value = init.scale}};
}

/// sum (+)= tree sum of the leaves; no leaf at all is a gradient of zero.
void sum_leaves(std::span<const float* const> leaves, int64_t count, float* sum, bool accumulate) {
  if (!accumulate) {
    if (!kernels::tree_sum(leaves, count, sum)) std::fill_n(sum, count, 0.0f);
    return;
  }
  std::array<float, kBlockFloats> fresh;
  std::array<const float*, kernels::kMaxLeaves> from;
  for (int64_t begin = 0; begin < count; begin += kBlockFloats) {
    const int64_t part = std::min(kBlockFloats, count - begin);
    for (size_t l = 0; l < leaves.size(); ++l) from[l] = leaves[l] ? leaves[l] + begin : nullptr;
    if (!kernels::tree_sum({from.data(), leaves.size()}, part, fresh.data())) return;
    for (int64_t i = 0; i < part; ++i) sum[begin + i] += fresh[i];
  }
}

}  // namespace

Initializer Initializer::torch_linear(int64_t in) {
  return {Kind::kUniform, static_cast<float>(1 / std::sqrt(static_cast<double>(in)))};
}

Initializer Initializer::xavier_normal(int64_t in, int64_t out) {
  return {Kind::kNormal, static_cast<float>(std::sqrt(2.0 / static_cast<double>(in + out)))};
}

ParameterId Parameters::add(std::string name, std::vector<int64_t> shape, Initializer init) {
  return add(ParameterInfo{.name = std::move(name), .shape = std::move(shape), .init = init});
}

ParameterId Parameters::add_buffer(std::string name, std::vector<int64_t> shape, Initializer init) {
  return add(ParameterInfo{
      .name = std::move(name), .shape = std::move(shape), .init = init, .trainable = false});
}

ParameterId Parameters::add(ParameterInfo info) {
  STRATA_CHECK(!finalized_, "add after finalize", info.name);
  STRATA_CHECK(info.shape.size() == 1 || info.shape.size() == 2, "dimensions", info.name);
  for (const int64_t extent : info.shape) STRATA_CHECK(extent > 0, "shape", info.name, extent);
  for (const ParameterInfo& other : tensors_) {
    STRATA_CHECK(other.name != info.name, "two tensors of one name", info.name);
  }
  tensors_.push_back(std::move(info));
  return {static_cast<int>(tensors_.size()) - 1};
}

void Parameters::finalize(uint64_t seed, const DenseConfig& config) {
  STRATA_CHECK(!finalized_, "finalize twice");
  finalized_ = true;
  config_ = config;
  learning_rate_ = config.optimizer.learning_rate();
  plan_layout();
  plan_blocks();
  initialize(seed);
}

/// Rows of a matrix start on whole vectors of the type of the products, so that these need no
/// masks; narrow matrices stay packed.
int64_t Parameters::chunk_stride(const ParameterInfo& t) const {
  constexpr int64_t kNarrow = 8;
  if (t.rows() == 1 || t.cols() < kNarrow) return t.cols();
  const int64_t line = config_.precision == Precision::kBf16 ? 32 : 16;
  return (t.cols() + line - 1) / line * line;
}

void Parameters::plan_layout() {
  int64_t floats = 0;
  int64_t state_floats = 0;
  for (ParameterInfo& t : tensors_) {
    if (!t.trainable) continue;
    t.offset = floats;
    t.state_offset = state_floats;
    t.state_size = t.rows() * config_.optimizer.state_floats(static_cast<int>(t.cols()));
    t.chunk_offset = chunk_floats_;
    t.chunk_stride = chunk_stride(t);
    floats += align_up(t.size());
    state_floats += align_up(t.state_size);
    chunk_floats_ += align_up(t.rows() * t.chunk_stride);
  }
  trainable_floats_ = floats;
  for (ParameterInfo& t : tensors_) {
    if (t.trainable) continue;
    t.offset = floats;
    floats += align_up(t.size());
  }
  weights_.assign(floats, 0.0f);
  state_.assign(state_floats, 0.0f);
  gradient_.assign(trainable_floats_, 0.0f);
}

void Parameters::plan_blocks() {
  for (size_t i = 0; i < tensors_.size(); ++i) {
    const ParameterInfo& t = tensors_[i];
    if (!t.trainable) continue;
    const int64_t step = std::max<int64_t>(1, kBlockFloats / t.chunk_stride);
    for (int64_t row = 0; row < t.rows(); row += step) {
      blocks_.push_back({static_cast<int>(i), row, std::min(row + step, t.rows())});
    }
  }
}

void Parameters::reset_state(const ParameterInfo& t) {
  const int cols = static_cast<int>(t.cols());
  const int width = config_.optimizer.state_floats(cols);
  for (int64_t row = 0; row < t.rows() && width > 0; ++row) {
    config_.optimizer.init_state(weights(t).data() + row * cols, state(t).data() + row * width,
                                 cols);
  }
}

void Parameters::initialize(uint64_t seed) {
  for (const ParameterInfo& t : tensors_) {
    const CounterRng random{combine64(combine64(seed, kWeightStream), name_hash(t.name))};
    kernels::init_weights(config_of(t.init), random, static_cast<int>(t.cols()), weights(t));
    if (t.trainable) reset_state(t);
  }
  weights_changed();
}

void Parameters::reserve_chunks(int64_t chunks) {
  STRATA_CHECK(finalized_, "reserve_chunks before finalize");
  STRATA_CHECK(chunks <= kernels::kMaxLeaves, "chunks", chunks);
  if (chunks <= chunks_) return;
  chunks_ = chunks;
  chunk_gradients_.assign(chunks * chunk_floats_, 0.0f);
}

std::span<float> Parameters::weights(const ParameterInfo& t) {
  return {weights_.data() + t.offset, static_cast<size_t>(t.size())};
}
std::span<const float> Parameters::weights(const ParameterInfo& t) const {
  return {weights_.data() + t.offset, static_cast<size_t>(t.size())};
}
std::span<float> Parameters::state(const ParameterInfo& t) {
  return {state_.data() + t.state_offset, static_cast<size_t>(t.state_size)};
}
std::span<const float> Parameters::state(const ParameterInfo& t) const {
  return {state_.data() + t.state_offset, static_cast<size_t>(t.state_size)};
}
std::span<float> Parameters::gradient(const ParameterInfo& t) {
  STRATA_CHECK(t.trainable, "gradient of a buffer", t.name);
  return {gradient_.data() + t.offset, static_cast<size_t>(t.size())};
}

std::span<float> Parameters::chunk_gradient(int64_t chunk, ParameterId id) {
  const ParameterInfo& t = tensors_[id.index];
  STRATA_CHECK(t.rows() == 1, "a tensor of rows", t.name);
  return {chunk_gradient_rows(chunk, id).data, static_cast<size_t>(t.size())};
}

ChunkRows Parameters::chunk_gradient_rows(int64_t chunk, ParameterId id) {
  STRATA_DCHECK(chunk < chunks_, "chunk", chunk);
  const ParameterInfo& t = tensors_[id.index];
  return {chunk_gradients_.data() + chunk * chunk_floats_ + t.chunk_offset, t.chunk_stride};
}

void Parameters::reduce_gradients(std::span<const int64_t> chunk_begin, bool accumulate,
                                  ThreadPool& pool) {
  const auto chunks = static_cast<int64_t>(chunk_begin.size()) - 1;
  STRATA_CHECK(chunks <= chunks_, "chunks", chunks, chunks_);
  pool.parallel_for(static_cast<int64_t>(blocks_.size()), [&](int64_t i, int) {
    const RowBlock& block = blocks_[i];
    const ParameterInfo& t = tensors_[block.tensor];
    std::array<const float*, kernels::kMaxLeaves> leaves;
    for (int64_t c = 0; c < chunks; ++c) {
      const bool empty = chunk_begin[c] == chunk_begin[c + 1];
      leaves[c] = empty ? nullptr
                        : chunk_gradients_.data() + c * chunk_floats_ + t.chunk_offset +
                              block.row_begin * t.chunk_stride;
    }
    sum_block(block, {leaves.data(), static_cast<size_t>(chunks)}, accumulate);
  });
}

void Parameters::sum_block(const RowBlock& block, std::span<const float* const> leaves,
                           bool accumulate) {
  const ParameterInfo& t = tensors_[block.tensor];
  const int64_t rows = block.row_end - block.row_begin;
  const int64_t cols = t.cols();
  float* sum = gradient_.data() + t.offset + block.row_begin * cols;
  if (t.chunk_stride == cols || rows == 1) {
    return sum_leaves(leaves, rows * cols, sum, accumulate);
  }
  std::array<float, kBlockFloats> padded;
  if (!kernels::tree_sum(leaves, rows * t.chunk_stride, padded.data())) padded.fill(0);
  for (int64_t r = 0; r < rows; ++r) {
    const float* from = padded.data() + r * t.chunk_stride;
    for (int64_t c = 0; c < cols; ++c) {
      sum[r * cols + c] = accumulate ? sum[r * cols + c] + from[c] : from[c];
    }
  }
}

double Parameters::squared_gradient_norm(ThreadPool& pool) const {
  const int64_t blocks = (trainable_floats_ + kBlockFloats - 1) / kBlockFloats;
  std::vector<double> sums(blocks, 0.0);
  pool.parallel_for(blocks, [&](int64_t block, int) {
    const int64_t end = std::min((block + 1) * kBlockFloats, trainable_floats_);
    double sum = 0;
    for (int64_t i = block * kBlockFloats; i < end; ++i) {
      sum += static_cast<double>(gradient_[i]) * gradient_[i];
    }
    sums[block] = sum;
  });
  double total = 0;
  for (const double sum : sums) total += sum;
  return total;
}

void Parameters::update(int64_t step, float scale, ThreadPool& pool) {
  const kernels::OptimizerStep now = config_.optimizer.at_step(step, learning_rate_);
  pool.parallel_for(static_cast<int64_t>(blocks_.size()), [&](int64_t i, int) {
    const RowBlock& block = blocks_[i];
    const ParameterInfo& t = tensors_[block.tensor];
    const int cols = static_cast<int>(t.cols());
    const int64_t first = block.row_begin * cols;
    const int state_width = config_.optimizer.state_floats(cols);
    kernels::apply_dense(now,
                         {.weights = weights_.data() + t.offset + first,
                          .state = state_.data() + t.state_offset + block.row_begin * state_width,
                          .grads = gradient_.data() + t.offset + first,
                          .rows = block.row_end - block.row_begin,
                          .dim = cols,
                          .scale = scale});
  });
  weights_changed();
}

}  // namespace strata::dense
