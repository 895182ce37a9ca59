#include "dense/batch_norm.h"

#include <cmath>
#include <utility>

namespace strata::dense {
namespace {

/// Calls merge(left, right) over the present chunks in the pairwise tree and returns the chunk
/// that holds the result, or -1. Chunk indices name the leaves; the left one takes the result.
template <class Merge>
int64_t merge_chunks(const PassInfo& pass, Merge&& merge) {
  std::vector<int64_t> live(pass.chunks());
  for (int64_t c = 0; c < pass.chunks(); ++c) {
    live[c] = pass.chunk_begin[c] < pass.chunk_begin[c + 1] ? c : -1;
  }
  for (int64_t step = 1; step < pass.chunks(); step *= 2) {
    for (int64_t c = 0; c + step < pass.chunks(); c += 2 * step) {
      if (live[c + step] < 0) continue;
      if (live[c] < 0) {
        live[c] = live[c + step];
      } else {
        merge(live[c], live[c + step]);
      }
    }
  }
  return live.empty() ? -1 : live[0];
}

}  // namespace

BatchNorm::BatchNorm(Program& program, Tensor x, Tensor y, BatchNormConfig config)
    : program_(program),
      config_(std::move(config)),
      y_(y),
      bf16_(program.dtype(y) == kernels::DType::kBf16) {
  inputs_ = {{x}};
  outputs_ = {y};
  STRATA_CHECK(x.width == y.width && program.dtype(x) == program.dtype(y), "shape", config_.name);
  Parameters& parameters = program.parameters();
  gamma_ = parameters.add(config_.name + ".weight", {y.width}, Initializer::constant(1));
  beta_ = parameters.add(config_.name + ".bias", {y.width}, Initializer::constant(0));
  running_mean_ =
      parameters.add_buffer(config_.name + ".running_mean", {y.width}, Initializer::constant(0));
  running_var_ =
      parameters.add_buffer(config_.name + ".running_var", {y.width}, Initializer::constant(1));
  for (auto* v : {&mean_, &inverse_deviation_, &mean_dz_, &mean_dz_xhat_}) v->assign(y.width, 0);
}

void BatchNorm::reserve_chunks(int64_t chunks) {
  const size_t needed = static_cast<size_t>(chunks) * 2 * y_.width;
  if (sums_.size() < needed) sums_.resize(needed);
}

std::span<double> BatchNorm::sums(int64_t chunk) {
  const size_t count = 2 * static_cast<size_t>(y_.width);
  return {sums_.data() + chunk * count, count};
}

kernels::Normalisation BatchNorm::normalisation() const {
  Parameters& parameters = program_.parameters();
  return {.mean = mean_.data(),
          .inverse_deviation = inverse_deviation_.data(),
          .gamma = parameters.weights(gamma_).data(),
          .beta = parameters.weights(beta_).data(),
          .activation = config_.activation};
}

template <class T>
kernels::NormalisedGradient<T> BatchNorm::blocks(const Chunk& chunk) {
  const auto x = program_.value<T>(inputs_[0].tensor, chunk.begin);
  const auto y = program_.value<T>(y_, chunk.begin);
  const auto dy = program_.gradient<T>(y_, chunk.begin);
  return {.x = {x.data, x.stride, chunk.rows(), y_.width},
          .y = {y.data, y.stride, chunk.rows(), y_.width},
          .dy = {dy.data, dy.stride, chunk.rows(), y_.width}};
}

void BatchNorm::summarise_forward(const Chunk& chunk) {
  double* mean = sums(chunk.index).data();
  double* m2 = mean + y_.width;
  bf16_ ? kernels::column_moments(blocks<uint16_t>(chunk).x, mean, m2)
        : kernels::column_moments(blocks<float>(chunk).x, mean, m2);
}

void BatchNorm::merge_forward(const PassInfo& pass) {
  std::vector<double> count(pass.chunks());
  for (int64_t c = 0; c < pass.chunks(); ++c) {
    count[c] = static_cast<double>(pass.chunk_begin[c + 1] - pass.chunk_begin[c]);
  }
  const int64_t root = merge_chunks(pass, [&](int64_t left, int64_t right) {
    const double n = count[left] + count[right];
    const double share = count[right] / n;
    const auto a = sums(left);
    const auto b = sums(right);
    for (int c = 0; c < y_.width; ++c) {
      const double delta = b[c] - a[c];
      a[c] += delta * share;
      a[y_.width + c] += b[y_.width + c] + delta * delta * count[left] * share;
    }
    count[left] = n;
  });
  if (root < 0) return;
  const double n = count[root];
  const auto moments = sums(root);
  const auto running_mean = program_.parameters().weights(running_mean_);
  const auto running_var = program_.parameters().weights(running_var_);
  for (int c = 0; c < y_.width; ++c) {
    const double variance = moments[y_.width + c] / n;
    mean_[c] = static_cast<float>(moments[c]);
    inverse_deviation_[c] = static_cast<float>(1 / std::sqrt(variance + config_.epsilon));
    running_mean[c] += config_.momentum * (mean_[c] - running_mean[c]);
    if (n < 2) continue;
    const auto unbiased = static_cast<float>(variance * n / (n - 1));
    running_var[c] += config_.momentum * (unbiased - running_var[c]);
  }
}

void BatchNorm::forward(const Chunk& chunk) {
  kernels::Normalisation n = normalisation();
  if (chunk.pass.mode == Mode::kEval) {
    float* inverse = chunk.scratch<float>(y_.width);
    const auto variance = program_.parameters().weights(running_var_);
    for (int c = 0; c < y_.width; ++c) {
      inverse[c] = 1 / std::sqrt(variance[c] + config_.epsilon);
    }
    n.mean = program_.parameters().weights(running_mean_).data();
    n.inverse_deviation = inverse;
  }
  if (bf16_) {
    const auto y = program_.value<uint16_t>(y_, chunk.begin);
    kernels::normalise(n, blocks<uint16_t>(chunk).x, {y.data, y.stride, chunk.rows(), y_.width});
  } else {
    const auto y = program_.value<float>(y_, chunk.begin);
    kernels::normalise(n, blocks<float>(chunk).x, {y.data, y.stride, chunk.rows(), y_.width});
  }
}

template <class T>
void BatchNorm::run_summarise_backward(const Chunk& chunk) {
  double* sum_dz = sums(chunk.index).data();
  double* sum_dz_xhat = sum_dz + y_.width;
  kernels::normalise_sums(normalisation(), blocks<T>(chunk), sum_dz, sum_dz_xhat);
  const auto dbeta = program_.parameters().chunk_gradient(chunk.index, beta_);
  const auto dgamma = program_.parameters().chunk_gradient(chunk.index, gamma_);
  for (int c = 0; c < y_.width; ++c) {
    dbeta[c] = static_cast<float>(sum_dz[c]);
    dgamma[c] = static_cast<float>(sum_dz_xhat[c]);
  }
}

void BatchNorm::summarise_backward(const Chunk& chunk) {
  bf16_ ? run_summarise_backward<uint16_t>(chunk) : run_summarise_backward<float>(chunk);
}

void BatchNorm::merge_backward(const PassInfo& pass) {
  const int64_t root = merge_chunks(pass, [&](int64_t left, int64_t right) {
    const auto a = sums(left);
    const auto b = sums(right);
    for (size_t i = 0; i < a.size(); ++i) a[i] += b[i];
  });
  if (root < 0) return;
  const auto total = sums(root);
  const auto n = static_cast<double>(pass.chunk_begin.back() - pass.chunk_begin.front());
  for (int c = 0; c < y_.width; ++c) {
    mean_dz_[c] = static_cast<float>(total[c] / n);
    mean_dz_xhat_[c] = static_cast<float>(total[y_.width + c] / n);
  }
}

template <class T>
void BatchNorm::run_backward(const Chunk& chunk) {
  const auto dx = program_.gradient<T>(inputs_[0].tensor, chunk.begin);
  kernels::normalise_backward(
      normalisation(), blocks<T>(chunk), {.dz = mean_dz_.data(), .dz_xhat = mean_dz_xhat_.data()},
      {dx.data, dx.stride, chunk.rows(), y_.width}, inputs_[0].write == GradientWrite::kAdd);
}

void BatchNorm::backward(const Chunk& chunk) {
  if (inputs_[0].write == GradientWrite::kNone) return;
  bf16_ ? run_backward<uint16_t>(chunk) : run_backward<float>(chunk);
}

}  // namespace strata::dense
