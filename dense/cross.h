#pragma once

#include <string>

#include "dense/program.h"

namespace strata::dense {

/// out = x0 * t + x, element by element: the end of a cross layer. x0 and x are fp32 and may be the
/// same tensor; t is what the cross layer's matrices made of x.
class CrossCombine : public Layer {
 public:
  struct Tensors {
    Tensor x0;
    Tensor t;
    Tensor x;
    Tensor out;
  };
  CrossCombine(Program& program, const Tensors& tensors);

  void forward(const Chunk& chunk) override;
  void backward(const Chunk& chunk) override;
  LayerDescription describe() const override { return {.kind = LayerKind::kCross}; }

 private:
  template <class T>
  void run_forward(const Chunk& chunk);
  template <class T>
  void run_backward(const Chunk& chunk);

  Program& program_;
  Tensor out_;
};

/// `layers` cross layers over x0 (Wang et al. 2021): x_{l+1} = x0 * (W_l x_l + b_l) + x_l, with
/// W_l = U_l V_l of rank `rank` (V without bias), or full where rank is 0. Parameters are
/// name.l.weight and .bias, or name.l.v.weight, name.l.u.weight and name.l.u.bias.
/// Returns x_layers, [B, x0.width] fp32.
struct CrossConfig {
  std::string name;
  int layers = 3;
  int rank = 0;
};
Tensor add_cross_network(Program& program, Tensor x0, const CrossConfig& config);

}  // namespace strata::dense
