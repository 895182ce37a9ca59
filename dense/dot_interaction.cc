#include "dense/dot_interaction.h"

#include "kernels/dot_interaction.h"

namespace strata::dense {

DotInteraction::DotInteraction(Program& program, Tensor x, Tensor out, int dim)
    : program_(program), out_(out), dim_(dim) {
  inputs_ = {{x}};
  outputs_ = {out};
  STRATA_CHECK(dim > 0 && x.width % dim == 0, "vectors", x.width, dim);
  STRATA_CHECK(program.dtype(x) == kernels::DType::kF32, "the vectors are fp32");
  STRATA_CHECK(out.width == out_width(x.width / dim, dim), "width", out.width);
}

template <class Out>
void DotInteraction::run(const Chunk& chunk, bool backward) {
  const Input& in = inputs_[0];
  const auto x = program_.value<float>(in.tensor, chunk.begin);
  const auto out =
      backward ? program_.gradient<Out>(out_, chunk.begin) : program_.value<Out>(out_, chunk.begin);
  const kernels::DotInteractionShape shape{.rows = chunk.rows(),
                                           .count = in.tensor.width / dim_,
                                           .dim = dim_,
                                           .x_stride = x.stride,
                                           .out_stride = out.stride};
  float* scratch = chunk.scratch<float>(kernels::dot_interaction_scratch(shape));
  if (!backward) return kernels::dot_interaction_forward(shape, x.data, out.data, scratch);
  if (in.write == GradientWrite::kNone) return;
  const auto dx = program_.gradient<float>(in.tensor, chunk.begin);
  kernels::dot_interaction_backward(
      shape, x.data, static_cast<const Out*>(out.data),
      {.dx = dx.data, .dx_stride = dx.stride, .accumulate = in.write == GradientWrite::kAdd},
      scratch);
}

void DotInteraction::forward(const Chunk& chunk) {
  program_.dtype(out_) == kernels::DType::kBf16 ? run<uint16_t>(chunk, false)
                                                : run<float>(chunk, false);
}

void DotInteraction::backward(const Chunk& chunk) {
  program_.dtype(out_) == kernels::DType::kBf16 ? run<uint16_t>(chunk, true)
                                                : run<float>(chunk, true);
}

}  // namespace strata::dense
