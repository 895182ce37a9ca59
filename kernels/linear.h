#pragma once
// What surrounds the matrix products of a linear layer: activation gradients with column sums, and
// layers with one output, for which a matrix product library is slow.

#include <cstdint>

#include "kernels/activation.h"

namespace strata::kernels {

/// The gradient of a linear layer's output, on its way back through the activation.
/// dz = dy * act'(y), expressed by y; bias_gradient[j] = sum of dz over rows, in row order, fp32.
/// y, dy and dz are [rows, cols]; dz may be dy. Y, Dy and Dz are float or uint16_t (bf16).
template <class Y, class Dz>
struct ActivationGradient {
  const Y* y;
  int64_t y_stride;
  const Y* dy;
  int64_t dy_stride;
  Dz* dz;
  int64_t dz_stride;
  int64_t rows;
  int64_t cols;
  float* bias_gradient;  // [cols] or nullptr
};
void activation_gradient(const ActivationGradient<float, float>& args, Activation activation);
void activation_gradient(const ActivationGradient<float, uint16_t>& args, Activation activation);
void activation_gradient(const ActivationGradient<uint16_t, uint16_t>& args, Activation activation);

/// A linear layer with one output over x [rows, cols]: y = act(x w + bias).
/// X is float or uint16_t (bf16); w, y and all gradients but dx are fp32. One thread, fixed order.
template <class X>
struct SingleOutput {
  const X* x;
  int64_t x_stride;
  const float* w;  // [cols]
  int64_t rows;
  int64_t cols;
};
void single_output_forward(const SingleOutput<float>& in, const float* bias, Activation activation,
                           float* y, int64_t y_stride);
void single_output_forward(const SingleOutput<uint16_t>& in, const float* bias,
                           Activation activation, float* y, int64_t y_stride);

/// dw [cols] and dbias [1] are set. dx [rows, cols] is set, added to, or left alone where null.
template <class X>
struct SingleOutputGradient {
  const float* y;
  int64_t y_stride;
  const float* dy;
  int64_t dy_stride;
  float* dw;
  float* dbias;  // or nullptr
  X* dx;         // or nullptr
  int64_t dx_stride;
  bool accumulate;
};
void single_output_backward(const SingleOutput<float>& in, Activation activation,
                            const SingleOutputGradient<float>& out);
void single_output_backward(const SingleOutput<uint16_t>& in, Activation activation,
                            const SingleOutputGradient<uint16_t>& out);

}  // namespace strata::kernels
