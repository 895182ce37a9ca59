#pragma once

#include "dense/program.h"

namespace strata::dense {

/// Inverted dropout: in training each element is dropped with probability `rate` and the others
/// are scaled by 1 / (1 - rate); in evaluation y = x. Draws from (program seed, layer, step,
/// sample in the global batch, element), so it does not depend on chunks, threads or workers.
class Dropout : public Layer {
 public:
  /// `layer` tells several dropout layers of one program apart. x and y have one type.
  Dropout(Program& program, Tensor x, Tensor y, float rate, int layer);

  void forward(const Chunk& chunk) override;
  void backward(const Chunk& chunk) override;
  LayerDescription describe() const override { return {.kind = LayerKind::kIdentity}; }

 private:
  template <class T>
  void run(const Chunk& chunk, bool backward);

  Program& program_;
  Tensor y_;
  float rate_;
  uint64_t stream_;
};

}  // namespace strata::dense
