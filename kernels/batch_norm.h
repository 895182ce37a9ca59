#pragma once
// Batch normalisation per column (Ioffe & Szegedy 2015) in four passes over a chunk. Statistics are
// doubles per chunk; the caller merges them over chunks.

#include <cstdint>

#include "kernels/activation.h"

namespace strata::kernels {

/// A block [rows, cols]; T is float or uint16_t (bf16).
template <class T>
struct Columns {
  T* data;
  int64_t stride;
  int64_t rows;
  int64_t cols;
};

/// mean[c] and m2[c] = sum of (x - mean[c])^2 of the block's columns; rows >= 1.
void column_moments(const Columns<const float>& x, double* mean, double* m2);
void column_moments(const Columns<const uint16_t>& x, double* mean, double* m2);

/// What normalises column c: (x - mean) * inverse_deviation * gamma + beta. All [cols].
struct Normalisation {
  const float* mean;
  const float* inverse_deviation;
  const float* gamma;
  const float* beta;
  Activation activation;
};

/// y = act(normalised x); y has x's shape.
void normalise(const Normalisation& n, const Columns<const float>& x, const Columns<float>& y);
void normalise(const Normalisation& n, const Columns<const uint16_t>& x,
               const Columns<uint16_t>& y);

/// The block's tensors on the way back; dy becomes dz = dy * act'(y) in normalise_sums.
template <class T>
struct NormalisedGradient {
  Columns<const T> x;
  Columns<const T> y;
  Columns<T> dy;
};

/// Sets dz in place of dy, and sum_dz[c], sum_dz_xhat[c] over the block's rows.
void normalise_sums(const Normalisation& n, const NormalisedGradient<float>& g, double* sum_dz,
                    double* sum_dz_xhat);
void normalise_sums(const Normalisation& n, const NormalisedGradient<uint16_t>& g, double* sum_dz,
                    double* sum_dz_xhat);

/// Means over the whole batch of dz and dz * xhat; both [cols].
struct GradientMeans {
  const float* dz;
  const float* dz_xhat;
};

/// dx (+)= gamma * inverse_deviation * (dz - mean dz - xhat * mean dz_xhat).
void normalise_backward(const Normalisation& n, const NormalisedGradient<float>& g,
                        const GradientMeans& means, const Columns<float>& dx, bool accumulate);
void normalise_backward(const Normalisation& n, const NormalisedGradient<uint16_t>& g,
                        const GradientMeans& means, const Columns<uint16_t>& dx, bool accumulate);

}  // namespace strata::kernels
