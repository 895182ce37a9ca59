#pragma once
// DCNv2's cross layer after its matrix product (Wang et al. 2021).

#include <cstdint>

namespace strata::kernels {

/// out = x0 * t + x, element by element over [rows, cols]; t is float or uint16_t (bf16).
template <class T>
struct CrossForward {
  const float* x0;
  int64_t x0_stride;
  const T* t;
  int64_t t_stride;
  const float* x;
  int64_t x_stride;
  float* out;
  int64_t out_stride;
  int64_t rows;
  int64_t cols;
};
void cross_forward(const CrossForward<float>& args);
void cross_forward(const CrossForward<uint16_t>& args);

/// dt = dout * x0 (set), dx0 (+)= dout * t, dx (+)= dout; a null dx0 or dx is not wanted. dx0 is
/// written before dx, which may be the same memory.
template <class T>
struct CrossBackward {
  const float* x0;
  int64_t x0_stride;
  const T* t;
  int64_t t_stride;
  const float* dout;
  int64_t dout_stride;
  T* dt;
  int64_t dt_stride;
  float* dx0;
  int64_t dx0_stride;
  bool dx0_accumulate;
  float* dx;
  int64_t dx_stride;
  bool dx_accumulate;
  int64_t rows;
  int64_t cols;
};
void cross_backward(const CrossBackward<float>& args);
void cross_backward(const CrossBackward<uint16_t>& args);

}  // namespace strata::kernels
