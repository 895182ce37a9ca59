#pragma once
// DLRM's pairwise dot products, forward and backward.

#include <cstdint>

namespace strata::kernels {

/// Per sample: `count` vectors of `dim` floats, side by side in x [rows, count * dim]. The result
/// [rows, dim + count * (count - 1) / 2] is vector 0 followed by the dots <v_a, v_b> for a > b,
/// a outer, b inner: torch.tril_indices(count, count, -1), as facebookresearch/dlrm concatenates
/// them (Naumov et al. 2019). Strides in elements.
struct DotInteractionShape {
  int64_t rows = 0;
  int count = 0;
  int dim = 0;
  int64_t x_stride = 0;
  int64_t out_stride = 0;
  int64_t pairs() const { return int64_t{count} * (count - 1) / 2; }
  int64_t out_width() const { return dim + pairs(); }
};

/// Floats of scratch memory that both calls need, aligned to 64 bytes.
int64_t dot_interaction_scratch(const DotInteractionShape& shape);

/// Out is float or uint16_t (bf16); sums are fp32. One thread; deterministic.
void dot_interaction_forward(const DotInteractionShape& shape, const float* x, float* out,
                             float* scratch);
void dot_interaction_forward(const DotInteractionShape& shape, const float* x, uint16_t* out,
                             float* scratch);

/// dx [rows, count * dim] with stride dx_stride is set, or added to with `accumulate`.
struct DotInteractionGradient {
  float* dx = nullptr;
  int64_t dx_stride = 0;
  bool accumulate = false;
};
void dot_interaction_backward(const DotInteractionShape& shape, const float* x, const float* dout,
                              const DotInteractionGradient& gradient, float* scratch);
void dot_interaction_backward(const DotInteractionShape& shape, const float* x,
                              const uint16_t* dout, const DotInteractionGradient& gradient,
                              float* scratch);

}  // namespace strata::kernels
