#pragma once

#include "dense/program.h"

namespace strata::dense {

/// DLRM's interaction: x [B, count * dim] holds `count` vectors side by side; out
/// [B, dim + count * (count - 1) / 2] is vector 0, then the pairwise dots without self, in the
/// order of torch.tril_indices(count, count, -1). See kernels/dot_interaction.h.
class DotInteraction : public Layer {
 public:
  DotInteraction(Program& program, Tensor x, Tensor out, int dim);
  static int out_width(int count, int dim) { return dim + count * (count - 1) / 2; }

  void forward(const Chunk& chunk) override;
  void backward(const Chunk& chunk) override;
  LayerDescription describe() const override {
    return {.kind = LayerKind::kDotInteraction, .dim = dim_};
  }

 private:
  template <class Out>
  void run(const Chunk& chunk, bool backward);

  Program& program_;
  Tensor out_;
  int dim_;
};

}  // namespace strata::dense
