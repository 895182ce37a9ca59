#pragma once

#include "dense/program.h"

namespace strata::dense {

/// Second-order factorisation machine: x [B, count * dim] holds `count` vectors side by side,
/// y [B, 1] is the sum of their pairwise dots. fp32. See kernels/fm.h.
class FactorisationMachine : public Layer {
 public:
  FactorisationMachine(Program& program, Tensor x, Tensor y, int dim);

  void forward(const Chunk& chunk) override;
  void backward(const Chunk& chunk) override;
  LayerDescription describe() const override {
    return {.kind = LayerKind::kFactorisationMachine, .dim = dim_};
  }

 private:
  Program& program_;
  Tensor y_;
  int dim_;
  Tensor sums_;  // [B, dim], packed
};

}  // namespace strata::dense
