#pragma once
// The dense part of a model as a fixed list of layers over column blocks: no graph engine.

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/thread_pool.h"
#include "dense/layer.h"
#include "dense/parameters.h"

namespace strata::dense {

/// A call per chunk, inside the chunk's task (so what it touches stays in that core's cache).
using ChunkHook = std::function<void(const Chunk&)>;

/// Layers run in the order of add(), backward in mirror order. Chunks run in parallel, each by one
/// thread; the bits depend on the chunks, never on the number of threads. Layers that need the
/// whole batch split the pass into segments with a merge between.
///
/// Building: input() / tensor() / slice() / add(), then finish(). Each gradient column is set by
/// its first writer of the mirror order and added to by the others; columns nobody writes are zero.
/// One pass runs at a time.
class Program {
 public:
  /// `seed` is dropout's. Parameters outlive the Program.
  Program(Parameters& parameters, Precision precision, uint64_t seed);
  ~Program();
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;

  /// A buffer [rows, width] filled from outside (in the before_forward hook).
  Tensor input(int width, bool needs_gradient);
  /// A buffer [rows, width] in fp32.
  Tensor tensor(int width);
  /// A buffer [rows, width] between linear layers: bf16 where the precision is bf16, else fp32.
  Tensor activation(int width, bool needs_gradient = true);
  /// Columns [column, column + width) of `parent`, without a copy.
  Tensor slice(Tensor parent, int column, int width) const;

  /// Appends layer L(program, args…).
  template <class L, class... Args>
  L& add(Args&&... args) {
    auto layer = std::make_unique<L>(*this, std::forward<Args>(args)...);
    L& added = *layer;
    append(std::move(layer));
    return added;
  }
  /// Ends the building; `output` is what the loss reads, and its gradient is given from outside.
  void finish(Tensor output);
  /// Runs in each chunk before the first layer; fills the inputs. Set once.
  void set_before_forward(ChunkHook hook) { before_forward_ = std::move(hook); }

  /// Makes room for batches of up to `rows` rows in `chunks` chunks on `threads` threads. Passes
  /// within what was reserved do not allocate.
  void reserve(int64_t rows, int64_t chunks, int threads);

  void forward(const PassInfo& pass, ThreadPool& pool);
  /// After forward of the same pass and after the output's gradient was written.
  void backward(const PassInfo& pass, ThreadPool& pool);
  /// forward; `loss` per chunk, which reads the output's value and writes its gradient; backward.
  /// The same bits as the calls above; without splitting layers one task per chunk does all.
  void forward_backward(const PassInfo& pass, const ChunkHook& loss, ThreadPool& pool);

  // For layers and for whoever fills inputs and reads outputs.
  Parameters& parameters() { return parameters_; }
  Precision precision() const { return precision_; }
  uint64_t seed() const { return seed_; }
  /// Layer `i` of layers(), in the order of forward.
  size_t layers() const { return steps_.size(); }
  const Layer& layer(size_t i) const { return *steps_[i].layer; }
  kernels::DType dtype(Tensor t) const { return buffers_[t.buffer].dtype; }
  bool needs_gradient(Tensor t) const { return buffers_[t.buffer].needs_gradient; }
  Tensor output() const { return output_; }
  int64_t rows() const { return rows_; }
  /// Width of `t` with the padding behind it: where `t` ends its buffer, the columns up to the next
  /// whole cache line are zeros in the value and free to write in the gradient. Else its width.
  int padded_width(Tensor t) const;
  /// Value and gradient of `t` from row `row` on; T must match dtype(t) (bf16 is uint16_t).
  template <class T>
  Block<T> value(Tensor t, int64_t row) {
    return block<T>(buffers_[t.buffer].value.data(), t, row);
  }
  template <class T>
  Block<T> gradient(Tensor t, int64_t row) {
    return block<T>(buffers_[t.buffer].gradient.data(), t, row);
  }

 private:
  struct Buffer {
    int width = 0;
    int64_t stride = 0;  // elements
    kernels::DType dtype = kernels::DType::kF32;
    bool needs_gradient = true;
    AlignedVector<std::byte> value;
    AlignedVector<std::byte> gradient;
  };
  struct Step {
    std::unique_ptr<Layer> layer;
    std::vector<Tensor> zero_before_backward;  // gradient columns nobody wrote so far
  };
  template <class T>
  Block<T> block(std::byte* base, Tensor t, int64_t row) const {
    const Buffer& buffer = buffers_[t.buffer];
    STRATA_DCHECK(sizeof(T) == static_cast<size_t>(kernels::dtype_bytes(buffer.dtype)), "dtype");
    return {reinterpret_cast<T*>(base) + row * buffer.stride + t.column, buffer.stride};
  }

  Tensor make_buffer(int width, kernels::DType dtype, bool needs_gradient);
  void append(std::unique_ptr<Layer> layer);
  void plan_gradients();
  void refresh_weights(ThreadPool& pool);
  void zero_gradients(const std::vector<Tensor>& tensors, const Chunk& chunk);
  void forward_segment(size_t segment, const Chunk& chunk);
  void backward_segment(size_t segment, const Chunk& chunk);
  template <class Body>
  void for_each_chunk(const PassInfo& pass, ThreadPool& pool, Body&& body);
  size_t segments(const PassInfo& pass) const;

  Parameters& parameters_;
  Precision precision_;
  uint64_t seed_;
  std::vector<Buffer> buffers_;
  std::vector<Tensor> input_buffers_;
  std::vector<Step> steps_;
  std::vector<Tensor> zero_after_backward_;  // input columns that no layer's backward reaches
  std::vector<size_t> segment_begin_;        // first step of each segment, then steps_.size()
  Tensor output_;
  bool finished_ = false;
  ChunkHook before_forward_;
  int64_t rows_ = 0;
  std::vector<Workspace> workspaces_;  // per thread
  uint64_t refreshed_version_ = 0;
};

}  // namespace strata::dense
