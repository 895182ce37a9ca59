#pragma once
// What a layer is. A new layer is one file with one subclass; Program does the rest.

#include <cstdint>
#include <span>
#include <vector>

#include "base/buffer.h"
#include "dense/parameters.h"
#include "kernels/activation.h"
#include "kernels/gemm.h"
#include "kernels/rows.h"

namespace strata::dense {

class Program;

enum class Mode : uint8_t { kTrain, kEval };

/// A block of columns of one of the Program's buffers: [rows of the batch, width]. Slices are
/// tensors too, so concatenation is writing side by side.
struct Tensor {
  int buffer = -1;
  int column = 0;
  int width = 0;
};

/// Memory of a tensor from some row on; stride in elements.
template <class T>
struct Block {
  T* data = nullptr;
  int64_t stride = 0;
  T* row(int64_t i) const { return data + i * stride; }
};

/// One thread's tools.
struct Workspace {
  kernels::Gemm gemm;
  AlignedVector<std::byte> bytes;
};

/// What all chunks of one pass share.
struct PassInfo {
  std::span<const int64_t> chunk_begin;  // chunks + 1 entries, nondecreasing, from 0 to B
  Mode mode = Mode::kTrain;
  uint64_t step = 0;         // dropout draws from it
  int64_t first_sample = 0;  // of row 0, within the global batch

  int64_t chunks() const { return static_cast<int64_t>(chunk_begin.size()) - 1; }
};

/// One non-empty chunk, being run by one thread: rows [begin, end) of every tensor.
struct Chunk {
  const PassInfo& pass;
  int64_t index = 0;
  int64_t begin = 0;
  int64_t end = 0;
  Workspace& workspace;

  int64_t rows() const { return end - begin; }
  /// Uninitialised scratch memory of this thread, aligned to 64 bytes; the next call takes it back.
  template <class T>
  T* scratch(int64_t count) const {
    const size_t bytes = static_cast<size_t>(count) * sizeof(T);
    if (workspace.bytes.size() < bytes) workspace.bytes.resize(bytes);
    return reinterpret_cast<T*>(workspace.bytes.data());
  }
};

/// How a layer's backward writes the gradient of one of its inputs; decided by Program.
enum class GradientWrite : uint8_t { kNone, kSet, kAdd };

/// A tensor that a layer reads.
struct Input {
  Tensor tensor;
  GradientWrite write = GradientWrite::kNone;
};

/// What a layer computes, for whoever writes the program down elsewhere (ONNX).
enum class LayerKind : uint8_t {
  kLinear,          // y = act(x W^T + b); parameters: weight, and bias where there is one
  kBatchNorm,       // running statistics; parameters: weight, bias, running mean, running variance
  kIdentity,        // y = x in evaluation
  kCross,           // y = x0 * t + x; inputs: t, x0, x
  kDotInteraction,  // vector 0, then the dots of all pairs (i, j < i), i first; vectors of `dim`
  kFactorisationMachine,  // sum of the dots of all pairs; vectors of `dim`
  kRowSum,                // sum of all columns of all inputs; parameters: bias where there is one
};
struct LayerDescription {
  LayerKind kind;
  std::vector<ParameterId> parameters = {};
  kernels::Activation activation = kernels::Activation::kIdentity;
  int dim = 0;
  float epsilon = 0;  // kBatchNorm
};

/// Base of all layers. forward and backward run per chunk, chunks in parallel: a layer may write
/// only its chunk's rows, its chunk's slots in its own members, and chunk_gradient(chunk.index).
/// A layer that needs the whole batch overrides splits() and the four calls after it: summarise_*
/// runs per chunk at the end of a segment, merge_* once between segments on one thread.
class Layer {
 public:
  virtual ~Layer() = default;

  /// Reads inputs' values, writes outputs' values.
  virtual void forward(const Chunk& chunk) = 0;
  /// Reads outputs' gradients, writes inputs' gradients as Input::write says, and sets the
  /// gradient of each of its parameters for this chunk. May overwrite outputs' gradients.
  virtual void backward(const Chunk& chunk) = 0;

  /// Called before a forward pass after the weights changed; runs in parallel with other layers'.
  virtual void refresh_weights() {}
  virtual bool refreshes_weights() const { return false; }

  virtual bool splits() const { return false; }
  virtual void reserve_chunks(int64_t /*chunks*/) {}
  virtual void summarise_forward(const Chunk& /*chunk*/) {}
  virtual void merge_forward(const PassInfo& /*pass*/) {}
  virtual void summarise_backward(const Chunk& /*chunk*/) {}
  virtual void merge_backward(const PassInfo& /*pass*/) {}

  virtual LayerDescription describe() const = 0;

  std::vector<Input>& inputs() { return inputs_; }
  const std::vector<Input>& inputs() const { return inputs_; }
  const std::vector<Tensor>& outputs() const { return outputs_; }

 protected:
  std::vector<Input> inputs_;    // filled by the subclass's constructor
  std::vector<Tensor> outputs_;  // likewise
};

}  // namespace strata::dense
