#include "dense/program.h"

#include <algorithm>
#include <cstring>

namespace strata::dense {
namespace {

constexpr int64_t kAlignBytes = 64;

/// Which columns of each buffer have a gradient already, while planning backward.
class Coverage {
 public:
  void add_buffer(int width) { columns_.emplace_back(width, false); }

  bool none(Tensor t) const { return count(t) == 0; }
  bool all(Tensor t) const { return count(t) == t.width; }

  /// Marks the columns of `t`; the runs that were not covered are appended to `missing`.
  void cover(Tensor t, std::vector<Tensor>* missing) {
    auto& columns = columns_[t.buffer];
    for (int c = t.column; c < t.column + t.width;) {
      if (columns[c]) {
        ++c;
        continue;
      }
      const int first = c;
      for (; c < t.column + t.width && !columns[c]; ++c) columns[c] = true;
      if (missing) missing->push_back({t.buffer, first, c - first});
    }
  }

 private:
  int count(Tensor t) const {
    const auto first = columns_[t.buffer].begin() + t.column;
    return static_cast<int>(std::count(first, first + t.width, true));
  }
  std::vector<std::vector<bool>> columns_;
};

}  // namespace

Program::Program(Parameters& parameters, Precision precision, uint64_t seed)
    : parameters_(parameters), precision_(precision), seed_(seed) {}

Program::~Program() = default;

Tensor Program::make_buffer(int width, kernels::DType dtype, bool needs_gradient) {
  STRATA_CHECK(!finished_, "the program is finished");
  STRATA_CHECK(width >= 0, "width", width);
  const int64_t per_line = kAlignBytes / kernels::dtype_bytes(dtype);
  buffers_.push_back({.width = width,
                      .stride = (width + per_line - 1) / per_line * per_line,
                      .dtype = dtype,
                      .needs_gradient = needs_gradient,
                      .value = {},
                      .gradient = {}});
  return {static_cast<int>(buffers_.size()) - 1, 0, width};
}

Tensor Program::input(int width, bool needs_gradient) {
  const Tensor made = make_buffer(width, kernels::DType::kF32, needs_gradient);
  input_buffers_.push_back(made);
  return made;
}

Tensor Program::tensor(int width) { return make_buffer(width, kernels::DType::kF32, true); }

Tensor Program::activation(int width, bool needs_gradient) {
  const bool bf16 = precision_ == Precision::kBf16;
  return make_buffer(width, bf16 ? kernels::DType::kBf16 : kernels::DType::kF32, needs_gradient);
}

Tensor Program::slice(Tensor parent, int column, int width) const {
  STRATA_CHECK(column >= 0 && width >= 0 && column + width <= parent.width, "slice", column, width,
               parent.width);
  return {parent.buffer, parent.column + column, width};
}

int Program::padded_width(Tensor t) const {
  const Buffer& buffer = buffers_[t.buffer];
  if (t.column + t.width != buffer.width) return t.width;
  return static_cast<int>(buffer.stride) - t.column;
}

void Program::append(std::unique_ptr<Layer> layer) {
  STRATA_CHECK(!finished_, "the program is finished");
  if (layer->splits()) segment_begin_.push_back(steps_.size());
  steps_.push_back({.layer = std::move(layer), .zero_before_backward = {}});
}

void Program::finish(Tensor output) {
  STRATA_CHECK(!finished_, "finish twice");
  output_ = output;
  segment_begin_.insert(segment_begin_.begin(), 0);  // empty if the first layer splits
  segment_begin_.push_back(steps_.size());
  plan_gradients();
  finished_ = true;
}

void Program::plan_gradients() {
  Coverage coverage;
  for (const Buffer& buffer : buffers_) coverage.add_buffer(buffer.width);
  coverage.cover(output_, nullptr);
  for (size_t i = steps_.size(); i-- > 0;) {
    Step& step = steps_[i];
    for (const Tensor& out : step.layer->outputs()) {
      coverage.cover(out, &step.zero_before_backward);
    }
    for (Input& in : step.layer->inputs()) {
      if (!needs_gradient(in.tensor)) continue;
      in.write = coverage.none(in.tensor) ? GradientWrite::kSet : GradientWrite::kAdd;
      const bool mixed = in.write == GradientWrite::kAdd && !coverage.all(in.tensor);
      coverage.cover(in.tensor, mixed ? &step.zero_before_backward : nullptr);
    }
  }
  for (const Tensor& in : input_buffers_) {
    if (needs_gradient(in)) coverage.cover(in, &zero_after_backward_);
  }
}

void Program::reserve(int64_t rows, int64_t chunks, int threads) {
  STRATA_CHECK(finished_, "reserve before finish");
  while (workspaces_.size() < static_cast<size_t>(threads)) workspaces_.emplace_back();
  parameters_.reserve_chunks(chunks);
  for (Step& step : steps_) step.layer->reserve_chunks(chunks);
  if (rows <= rows_) return;
  rows_ = rows;
  for (Buffer& buffer : buffers_) {
    const size_t bytes = static_cast<size_t>(rows * buffer.stride) *
                         static_cast<size_t>(kernels::dtype_bytes(buffer.dtype));
    buffer.value.assign(bytes, std::byte{0});
    if (buffer.needs_gradient) buffer.gradient.assign(bytes, std::byte{0});
  }
}

void Program::refresh_weights(ThreadPool& pool) {
  if (refreshed_version_ == parameters_.version()) return;
  refreshed_version_ = parameters_.version();
  const bool any = std::any_of(steps_.begin(), steps_.end(),
                               [](const Step& s) { return s.layer->refreshes_weights(); });
  if (!any) return;
  pool.parallel_for(static_cast<int64_t>(steps_.size()),
                    [&](int64_t i, int) { steps_[i].layer->refresh_weights(); });
}

void Program::zero_gradients(const std::vector<Tensor>& tensors, const Chunk& chunk) {
  for (const Tensor& t : tensors) {
    const Buffer& buffer = buffers_[t.buffer];
    if (!buffer.needs_gradient) continue;
    const int64_t bytes = kernels::dtype_bytes(buffer.dtype);
    for (int64_t r = chunk.begin; r < chunk.end; ++r) {
      std::memset(buffers_[t.buffer].gradient.data() + (r * buffer.stride + t.column) * bytes, 0,
                  static_cast<size_t>(t.width * bytes));
    }
  }
}

size_t Program::segments(const PassInfo& pass) const {
  return pass.mode == Mode::kEval ? 1 : segment_begin_.size() - 1;
}

void Program::forward_segment(size_t segment, const Chunk& chunk) {
  const bool whole = chunk.pass.mode == Mode::kEval;
  const size_t end = whole ? steps_.size() : segment_begin_[segment + 1];
  if (segment == 0 && before_forward_) before_forward_(chunk);
  for (size_t i = segment_begin_[segment]; i < end; ++i) steps_[i].layer->forward(chunk);
  if (end < steps_.size()) steps_[end].layer->summarise_forward(chunk);
}

void Program::backward_segment(size_t segment, const Chunk& chunk) {
  const size_t begin = segment_begin_[segment];
  const size_t end = segment_begin_[segment + 1];
  // The splitter of the segment above has merged its sums: its backward comes first.
  if (end < steps_.size()) steps_[end].layer->backward(chunk);
  const size_t stop = segment == 0 ? 0 : begin + 1;
  for (size_t i = end; i-- > stop;) {
    zero_gradients(steps_[i].zero_before_backward, chunk);
    steps_[i].layer->backward(chunk);
  }
  if (segment > 0) {
    zero_gradients(steps_[begin].zero_before_backward, chunk);
    steps_[begin].layer->summarise_backward(chunk);
  } else {
    zero_gradients(zero_after_backward_, chunk);
  }
}

template <class Body>
void Program::for_each_chunk(const PassInfo& pass, ThreadPool& pool, Body&& body) {
  STRATA_CHECK(static_cast<int>(workspaces_.size()) >= pool.threads(), "threads", pool.threads());
  STRATA_CHECK(pass.chunk_begin.back() <= rows_, "rows", pass.chunk_begin.back(), rows_);
  pool.parallel_for(pass.chunks(), [&](int64_t index, int thread) {
    const Chunk chunk{pass, index, pass.chunk_begin[index], pass.chunk_begin[index + 1],
                      workspaces_[thread]};
    if (chunk.rows() > 0) body(chunk);
  });
}

void Program::forward(const PassInfo& pass, ThreadPool& pool) {
  refresh_weights(pool);
  for (size_t s = 0; s < segments(pass); ++s) {
    if (s > 0) steps_[segment_begin_[s]].layer->merge_forward(pass);
    for_each_chunk(pass, pool, [&](const Chunk& chunk) { forward_segment(s, chunk); });
  }
}

void Program::backward(const PassInfo& pass, ThreadPool& pool) {
  STRATA_CHECK(pass.mode == Mode::kTrain, "backward of an evaluation");
  for (size_t s = segments(pass); s-- > 0;) {
    for_each_chunk(pass, pool, [&](const Chunk& chunk) { backward_segment(s, chunk); });
    if (s > 0) steps_[segment_begin_[s]].layer->merge_backward(pass);
  }
}

void Program::forward_backward(const PassInfo& pass, const ChunkHook& loss, ThreadPool& pool) {
  STRATA_CHECK(pass.mode == Mode::kTrain, "backward of an evaluation");
  if (segments(pass) > 1) {
    forward(pass, pool);
    for_each_chunk(pass, pool, loss);
    backward(pass, pool);
    return;
  }
  refresh_weights(pool);
  for_each_chunk(pass, pool, [&](const Chunk& chunk) {
    forward_segment(0, chunk);
    loss(chunk);
    backward_segment(0, chunk);
  });
}

}  // namespace strata::dense
