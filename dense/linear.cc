#include "dense/linear.h"

#include <cmath>
#include <utility>

#include "kernels/convert.h"
#include "kernels/linear.h"

namespace strata::dense {
namespace {

using kernels::Activation;
using kernels::DType;

/// The untyped address of a tensor's value or gradient.
Block<std::byte> bytes_of(Program& program, Tensor t, int64_t row, bool gradient) {
  if (program.dtype(t) == DType::kBf16) {
    const auto b = gradient ? program.gradient<uint16_t>(t, row) : program.value<uint16_t>(t, row);
    return {reinterpret_cast<std::byte*>(b.data), b.stride};
  }
  const auto b = gradient ? program.gradient<float>(t, row) : program.value<float>(t, row);
  return {reinterpret_cast<std::byte*>(b.data), b.stride};
}

}  // namespace

Linear::Linear(Program& program, Tensor x, Tensor y, LinearConfig config)
    : program_(program),
      config_(std::move(config)),
      y_(y),
      product_x_(x),
      bf16_(program.precision() == Precision::kBf16),
      single_(y.width == 1 && program.dtype(y) == DType::kF32) {
  inputs_ = {{x}};
  outputs_ = {y};
  STRATA_CHECK(x.width > 0 && y.width > 0, "widths", config_.name, x.width, y.width);
  const bool xavier = config_.init == WeightInit::kXavierNormal;
  const auto torch = Initializer::torch_linear(x.width);
  weight_ = program.parameters().add(config_.name + ".weight", {y.width, x.width},
                                     xavier ? Initializer::xavier_normal(x.width, y.width) : torch);
  if (config_.bias) {
    const float deviation = 1 / std::sqrt(static_cast<float>(y.width));
    bias_ = program.parameters().add(config_.name + ".bias", {y.width},
                                     xavier ? Initializer::normal(deviation) : torch);
  }
  if (bf16_ && !single() && program.dtype(x) == DType::kF32) {
    product_x_ = program.activation(x.width, /*needs_gradient=*/false);
  }
  product_width_ = program.padded_width(product_x_);
}

DType Linear::product_type() const { return bf16_ ? DType::kBf16 : DType::kF32; }

void Linear::refresh_weights() {
  if (!refreshes_weights()) return;
  const float* weights = program_.parameters().weights(weight_).data();
  const int64_t in = x().tensor.width;
  const int64_t row_bytes = int64_t{product_width_} * kernels::dtype_bytes(product_type());
  product_weights_.resize(static_cast<size_t>(y_.width * row_bytes));  // padding stays zero
  for (int64_t o = 0; o < y_.width; ++o) {
    kernels::narrow(product_type(), weights + o * in, in, product_weights_.data() + o * row_bytes);
  }
}

const void* Linear::product_weights() {
  if (refreshes_weights()) return product_weights_.data();
  return program_.parameters().weights(weight_).data();
}

void Linear::round_input(const Chunk& chunk) {
  if (product_x_.buffer == x().tensor.buffer) return;
  const auto from = program_.value<float>(x().tensor, chunk.begin);
  const auto to = program_.value<uint16_t>(product_x_, chunk.begin);
  for (int64_t r = 0; r < chunk.rows(); ++r) {
    kernels::narrow(DType::kBf16, from.row(r), product_x_.width, to.row(r));
  }
}

void Linear::forward(const Chunk& chunk) {
  if (single()) {
    return program_.dtype(x().tensor) == DType::kBf16 ? forward_single<uint16_t>(chunk)
                                                      : forward_single<float>(chunk);
  }
  round_input(chunk);
  const auto in = bytes_of(program_, product_x_, chunk.begin, false);
  const auto out = bytes_of(program_, y_, chunk.begin, false);
  const float* bias = config_.bias ? program_.parameters().weights(bias_).data() : nullptr;
  chunk.workspace.gemm.run({.m = chunk.rows(),
                            .n = y_.width,
                            .k = product_width_,
                            .transpose_b = true,
                            .a_stride = in.stride,
                            .b_stride = product_width_,
                            .c_stride = out.stride,
                            .input = product_type(),
                            .output = program_.dtype(y_),
                            .bias = config_.bias,
                            .activation = config_.activation},
                           {.a = in.data, .b = product_weights(), .bias = bias, .c = out.data});
}

void Linear::backward(const Chunk& chunk) {
  if (single()) {
    return program_.dtype(x().tensor) == DType::kBf16 ? backward_single<uint16_t>(chunk)
                                                      : backward_single<float>(chunk);
  }
  const auto dz = output_gradient(chunk);
  weight_gradient(chunk, dz);
  if (x().write != GradientWrite::kNone) input_gradient(chunk, dz);
}

/// dL/d(x W^T + b) in the type of the products; sets the bias gradient on the way.
Block<const std::byte> Linear::output_gradient(const Chunk& chunk) {
  float* bias =
      config_.bias ? program_.parameters().chunk_gradient(chunk.index, bias_).data() : nullptr;
  const int64_t rows = chunk.rows();
  const int64_t cols = y_.width;
  const bool f32 = program_.dtype(y_) == DType::kF32;
  if (!bias && config_.activation == Activation::kIdentity && f32 != bf16_) {
    const auto as_is = bytes_of(program_, y_, chunk.begin, true);
    return {as_is.data, as_is.stride};
  }
  if (!f32) {
    const auto y = program_.value<uint16_t>(y_, chunk.begin);
    const auto dy = program_.gradient<uint16_t>(y_, chunk.begin);
    kernels::activation_gradient(
        kernels::ActivationGradient<uint16_t, uint16_t>{y.data, y.stride, dy.data, dy.stride,
                                                        dy.data, dy.stride, rows, cols, bias},
        config_.activation);
    return {reinterpret_cast<const std::byte*>(dy.data), dy.stride};
  }
  const auto y = program_.value<float>(y_, chunk.begin);
  const auto dy = program_.gradient<float>(y_, chunk.begin);
  if (!bf16_) {
    kernels::activation_gradient(
        kernels::ActivationGradient<float, float>{y.data, y.stride, dy.data, dy.stride, dy.data,
                                                  dy.stride, rows, cols, bias},
        config_.activation);
    return {reinterpret_cast<const std::byte*>(dy.data), dy.stride};
  }
  const int64_t stride = (cols + 31) / 32 * 32;
  auto* rounded = chunk.scratch<uint16_t>(rows * stride);
  kernels::activation_gradient(
      kernels::ActivationGradient<float, uint16_t>{y.data, y.stride, dy.data, dy.stride, rounded,
                                                   stride, rows, cols, bias},
      config_.activation);
  return {reinterpret_cast<const std::byte*>(rounded), stride};
}

void Linear::weight_gradient(const Chunk& chunk, Block<const std::byte> dz) {
  const auto in = bytes_of(program_, product_x_, chunk.begin, false);
  const ChunkRows out = program_.parameters().chunk_gradient_rows(chunk.index, weight_);
  const bool whole_vectors = product_width_ <= out.stride;
  chunk.workspace.gemm.run({.m = y_.width,
                            .n = whole_vectors ? product_width_ : product_x_.width,
                            .k = chunk.rows(),
                            .transpose_a = true,
                            .a_stride = dz.stride,
                            .b_stride = in.stride,
                            .c_stride = out.stride,
                            .input = product_type()},
                           {.a = dz.data, .b = in.data, .bias = nullptr, .c = out.data});
}

void Linear::input_gradient(const Chunk& chunk, Block<const std::byte> dz) {
  const Tensor x_tensor = x().tensor;
  const auto dx = bytes_of(program_, x_tensor, chunk.begin, true);
  const bool whole_vectors = product_width_ <= program_.padded_width(x_tensor);
  chunk.workspace.gemm.run({.m = chunk.rows(),
                            .n = whole_vectors ? product_width_ : x_tensor.width,
                            .k = y_.width,
                            .a_stride = dz.stride,
                            .b_stride = product_width_,
                            .c_stride = dx.stride,
                            .input = product_type(),
                            .output = program_.dtype(x_tensor),
                            .accumulate = x().write == GradientWrite::kAdd},
                           {.a = dz.data, .b = product_weights(), .bias = nullptr, .c = dx.data});
}

template <class X>
void Linear::forward_single(const Chunk& chunk) {
  const auto in = program_.value<X>(x().tensor, chunk.begin);
  const auto out = program_.value<float>(y_, chunk.begin);
  Parameters& parameters = program_.parameters();
  kernels::single_output_forward(
      kernels::SingleOutput<X>{in.data, in.stride, parameters.weights(weight_).data(), chunk.rows(),
                               x().tensor.width},
      config_.bias ? parameters.weights(bias_).data() : nullptr, config_.activation, out.data,
      out.stride);
}

template <class X>
void Linear::backward_single(const Chunk& chunk) {
  const auto in = program_.value<X>(x().tensor, chunk.begin);
  const auto y = program_.value<float>(y_, chunk.begin);
  const auto dy = program_.gradient<float>(y_, chunk.begin);
  Parameters& parameters = program_.parameters();
  kernels::SingleOutputGradient<X> out{
      .y = y.data,
      .y_stride = y.stride,
      .dy = dy.data,
      .dy_stride = dy.stride,
      .dw = parameters.chunk_gradient_rows(chunk.index, weight_).data,
      .dbias = config_.bias ? parameters.chunk_gradient(chunk.index, bias_).data() : nullptr,
      .dx = nullptr,
      .dx_stride = 0,
      .accumulate = x().write == GradientWrite::kAdd};
  if (x().write != GradientWrite::kNone) {
    const auto dx = program_.gradient<X>(x().tensor, chunk.begin);
    out.dx = dx.data;
    out.dx_stride = dx.stride;
  }
  kernels::single_output_backward(
      kernels::SingleOutput<X>{in.data, in.stride, parameters.weights(weight_).data(), chunk.rows(),
                               x().tensor.width},
      config_.activation, out);
}

void add_mlp(Program& program, Tensor in, Tensor out, const MlpConfig& config) {
  STRATA_CHECK(!config.widths.empty() && config.widths.back() == out.width, "widths", config.name);
  for (size_t i = 0; i < config.widths.size(); ++i) {
    const bool last = i + 1 == config.widths.size();
    const Tensor to = last ? out : program.activation(config.widths[i]);
    program.add<Linear>(in, to,
                        LinearConfig{.name = config.name + "." + std::to_string(i),
                                     .activation = last ? config.last : config.hidden,
                                     .init = config.init});
    in = to;
  }
}

}  // namespace strata::dense
