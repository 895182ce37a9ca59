#include "dense/row_sum.h"

#include <utility>

namespace strata::dense {

RowSum::RowSum(Program& program, const std::vector<Tensor>& parts, Tensor y, std::string bias_name)
    : program_(program), y_(y), has_bias_(!bias_name.empty()) {
  for (const Tensor& part : parts) {
    STRATA_CHECK(program.dtype(part) == kernels::DType::kF32, "parts are fp32");
    inputs_.push_back({part});
  }
  outputs_ = {y};
  STRATA_CHECK(y.width == 1 && program.dtype(y) == kernels::DType::kF32, "one fp32 column");
  if (has_bias_) {
    bias_ = program.parameters().add(std::move(bias_name), {1}, Initializer::constant(0));
  }
}

void RowSum::forward(const Chunk& chunk) {
  const auto y = program_.value<float>(y_, chunk.begin);
  const float bias = has_bias_ ? program_.parameters().weights(bias_)[0] : 0.0f;
  for (int64_t r = 0; r < chunk.rows(); ++r) y.row(r)[0] = bias;
  for (const Input& in : inputs_) {
    const auto x = program_.value<float>(in.tensor, chunk.begin);
    for (int64_t r = 0; r < chunk.rows(); ++r) {
      float sum = 0;
      for (int c = 0; c < in.tensor.width; ++c) sum += x.row(r)[c];
      y.row(r)[0] += sum;
    }
  }
}

void RowSum::backward(const Chunk& chunk) {
  const auto dy = program_.gradient<float>(y_, chunk.begin);
  if (has_bias_) {
    float sum = 0;
    for (int64_t r = 0; r < chunk.rows(); ++r) sum += dy.row(r)[0];
    program_.parameters().chunk_gradient(chunk.index, bias_)[0] = sum;
  }
  for (const Input& in : inputs_) {
    if (in.write == GradientWrite::kNone) continue;
    const auto dx = program_.gradient<float>(in.tensor, chunk.begin);
    const bool add = in.write == GradientWrite::kAdd;
    for (int64_t r = 0; r < chunk.rows(); ++r) {
      const float g = dy.row(r)[0];
      float* row = dx.row(r);
      for (int c = 0; c < in.tensor.width; ++c) row[c] = add ? row[c] + g : g;
    }
  }
}

}  // namespace strata::dense
