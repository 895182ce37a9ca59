#include "dense/cross.h"

#include "dense/linear.h"
#include "kernels/cross.h"

namespace strata::dense {

CrossCombine::CrossCombine(Program& program, const Tensors& t) : program_(program), out_(t.out) {
  inputs_ = {{t.t}, {t.x0}, {t.x}};
  outputs_ = {t.out};
  STRATA_CHECK(t.x0.width == t.out.width && t.t.width == t.out.width && t.x.width == t.out.width,
               "widths", t.out.width);
  STRATA_CHECK(program.dtype(t.x0) == kernels::DType::kF32 &&
                   program.dtype(t.x) == kernels::DType::kF32 &&
                   program.dtype(t.out) == kernels::DType::kF32,
               "x0, x and out are fp32");
}

void CrossCombine::forward(const Chunk& chunk) {
  program_.dtype(inputs_[0].tensor) == kernels::DType::kBf16 ? run_forward<uint16_t>(chunk)
                                                             : run_forward<float>(chunk);
}
void CrossCombine::backward(const Chunk& chunk) {
  program_.dtype(inputs_[0].tensor) == kernels::DType::kBf16 ? run_backward<uint16_t>(chunk)
                                                             : run_backward<float>(chunk);
}

template <class T>
void CrossCombine::run_forward(const Chunk& chunk) {
  const auto t = program_.value<T>(inputs_[0].tensor, chunk.begin);
  const auto x0 = program_.value<float>(inputs_[1].tensor, chunk.begin);
  const auto x = program_.value<float>(inputs_[2].tensor, chunk.begin);
  const auto out = program_.value<float>(out_, chunk.begin);
  kernels::cross_forward(kernels::CrossForward<T>{x0.data, x0.stride, t.data, t.stride, x.data,
                                                  x.stride, out.data, out.stride, chunk.rows(),
                                                  out_.width});
}

template <class T>
void CrossCombine::run_backward(const Chunk& chunk) {
  const Input& in_x0 = inputs_[1];
  const Input& in_x = inputs_[2];
  const auto t = program_.value<T>(inputs_[0].tensor, chunk.begin);
  const auto dt = program_.gradient<T>(inputs_[0].tensor, chunk.begin);
  const auto x0 = program_.value<float>(in_x0.tensor, chunk.begin);
  const auto dout = program_.gradient<float>(out_, chunk.begin);
  kernels::CrossBackward<T> args{.x0 = x0.data,
                                 .x0_stride = x0.stride,
                                 .t = t.data,
                                 .t_stride = t.stride,
                                 .dout = dout.data,
                                 .dout_stride = dout.stride,
                                 .dt = dt.data,
                                 .dt_stride = dt.stride,
                                 .dx0 = nullptr,
                                 .dx0_stride = 0,
                                 .dx0_accumulate = in_x0.write == GradientWrite::kAdd,
                                 .dx = nullptr,
                                 .dx_stride = 0,
                                 .dx_accumulate = in_x.write == GradientWrite::kAdd,
                                 .rows = chunk.rows(),
                                 .cols = out_.width};
  if (in_x0.write != GradientWrite::kNone) {
    const auto dx0 = program_.gradient<float>(in_x0.tensor, chunk.begin);
    args.dx0 = dx0.data;
    args.dx0_stride = dx0.stride;
  }
  if (in_x.write != GradientWrite::kNone) {
    const auto dx = program_.gradient<float>(in_x.tensor, chunk.begin);
    args.dx = dx.data;
    args.dx_stride = dx.stride;
  }
  kernels::cross_backward(args);
}

Tensor add_cross_network(Program& program, Tensor x0, const CrossConfig& config) {
  Tensor x = x0;
  for (int l = 0; l < config.layers; ++l) {
    const std::string name = config.name + "." + std::to_string(l);
    const Tensor t = program.activation(x0.width);
    if (config.rank > 0) {
      const Tensor low = program.activation(config.rank);
      program.add<Linear>(x, low, LinearConfig{.name = name + ".v", .bias = false});
      program.add<Linear>(low, t, LinearConfig{.name = name + ".u"});
    } else {
      program.add<Linear>(x, t, LinearConfig{.name = name});
    }
    const Tensor out = program.tensor(x0.width);
    program.add<CrossCombine>(CrossCombine::Tensors{.x0 = x0, .t = t, .x = x, .out = out});
    x = out;
  }
  return x;
}

}  // namespace strata::dense
