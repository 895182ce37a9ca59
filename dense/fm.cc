#include "dense/fm.h"

#include "kernels/fm.h"

namespace strata::dense {

FactorisationMachine::FactorisationMachine(Program& program, Tensor x, Tensor y, int dim)
    : program_(program), y_(y), dim_(dim) {
  inputs_ = {{x}};
  outputs_ = {y};
  STRATA_CHECK(dim > 0 && x.width % dim == 0, "vectors", x.width, dim);
  STRATA_CHECK(y.width == 1, "width", y.width);
  sums_ = program.input(dim, /*needs_gradient=*/false);
}

void FactorisationMachine::forward(const Chunk& chunk) {
  const auto x = program_.value<float>(inputs_[0].tensor, chunk.begin);
  const auto y = program_.value<float>(y_, chunk.begin);
  const auto sums = program_.value<float>(sums_, chunk.begin);
  kernels::fm_forward({.rows = chunk.rows(),
                       .count = inputs_[0].tensor.width / dim_,
                       .dim = dim_,
                       .x_stride = x.stride},
                      x.data, y.data, y.stride, {sums.data, sums.stride});
}

void FactorisationMachine::backward(const Chunk& chunk) {
  const Input& in = inputs_[0];
  if (in.write == GradientWrite::kNone) return;
  const auto x = program_.value<float>(in.tensor, chunk.begin);
  const auto dx = program_.gradient<float>(in.tensor, chunk.begin);
  const auto dy = program_.gradient<float>(y_, chunk.begin);
  const auto sums = program_.value<float>(sums_, chunk.begin);
  kernels::fm_backward(
      {.rows = chunk.rows(), .count = in.tensor.width / dim_, .dim = dim_, .x_stride = x.stride},
      x.data, {sums.data, sums.stride},
      {.dy = dy.data,
       .dy_stride = dy.stride,
       .dx = dx.data,
       .dx_stride = dx.stride,
       .accumulate = in.write == GradientWrite::kAdd});
}

}  // namespace strata::dense
