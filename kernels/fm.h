#pragma once
// Second order of a factorisation machine (Rendle 2010; DeepFM, Guo et al. 2017).

#include <cstdint>

namespace strata::kernels {

/// Per sample: `count` vectors of `dim` floats side by side in x [rows, count * dim];
/// y = sum over a < b of <v_a, v_b> = 0.5 * sum over d of ((sum_a v_ad)^2 - sum_a v_ad^2).
struct FmShape {
  int64_t rows = 0;
  int count = 0;
  int dim = 0;
  int64_t x_stride = 0;
};

/// sum_a v_a per sample, [rows, dim]: forward writes it, backward reads it.
struct FmSums {
  float* data = nullptr;
  int64_t stride = 0;
};

/// y [rows] with row stride y_stride.
void fm_forward(const FmShape& shape, const float* x, float* y, int64_t y_stride, FmSums sums);

/// dx (+)= dy * (sums - v_a) for every vector a.
struct FmGradient {
  const float* dy = nullptr;
  int64_t dy_stride = 0;
  float* dx = nullptr;
  int64_t dx_stride = 0;
  bool accumulate = false;
};
void fm_backward(const FmShape& shape, const float* x, FmSums sums, const FmGradient& gradient);

}  // namespace strata::kernels
