#include "dense/dropout.h"

#include "base/hash.h"
#include "kernels/dropout.h"

namespace strata::dense {
namespace {
constexpr uint64_t kDropoutStream = 0xd0;  // keeps dropout apart from other users of the seed
}

Dropout::Dropout(Program& program, Tensor x, Tensor y, float rate, int layer)
    : program_(program),
      y_(y),
      rate_(rate),
      stream_(combine64(combine64(program.seed(), kDropoutStream), static_cast<uint64_t>(layer))) {
  inputs_ = {{x}};
  outputs_ = {y};
  STRATA_CHECK(x.width == y.width && program.dtype(x) == program.dtype(y), "shape", x.width);
  STRATA_CHECK(rate >= 0 && rate < 1, "rate", rate);
}

template <class T>
void Dropout::run(const Chunk& chunk, bool backward) {
  const Tensor x = inputs_[0].tensor;
  const auto in =
      backward ? program_.gradient<T>(y_, chunk.begin) : program_.value<T>(x, chunk.begin);
  const auto out =
      backward ? program_.gradient<T>(x, chunk.begin) : program_.value<T>(y_, chunk.begin);
  kernels::apply_dropout(
      {.key = combine64(stream_, chunk.pass.step),
       .rate = chunk.pass.mode == Mode::kTrain ? rate_ : 0.0f,
       .first_sample = chunk.pass.first_sample + chunk.begin},
      kernels::DropoutBlock<T>{.in = in.data,
                               .in_stride = in.stride,
                               .out = out.data,
                               .out_stride = out.stride,
                               .rows = chunk.rows(),
                               .cols = y_.width,
                               .accumulate = backward && inputs_[0].write == GradientWrite::kAdd});
}

void Dropout::forward(const Chunk& chunk) {
  program_.dtype(y_) == kernels::DType::kBf16 ? run<uint16_t>(chunk, false)
                                              : run<float>(chunk, false);
}

void Dropout::backward(const Chunk& chunk) {
  if (inputs_[0].write == GradientWrite::kNone) return;
  program_.dtype(y_) == kernels::DType::kBf16 ? run<uint16_t>(chunk, true)
                                              : run<float>(chunk, true);
}

}  // namespace strata::dense
