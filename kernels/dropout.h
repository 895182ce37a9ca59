#pragma once

#include <cstdint>

namespace strata::kernels {

/// Which units a dropout layer drops: element c of sample s is kept iff
/// CounterRng{key}.uniform(s * cols + c) >= rate; kept ones are scaled by 1 / (1 - rate)
/// (Srivastava et al. 2014, inverted). `key` is made from (seed, layer, step).
struct DropoutMask {
  uint64_t key = 0;
  float rate = 0;
  int64_t first_sample = 0;  // of row 0, in the global batch
};

/// out (+)= in * mask over [rows, cols]: forward on values, backward on gradients.
/// T is float or uint16_t (bf16).
template <class T>
struct DropoutBlock {
  const T* in;
  int64_t in_stride;
  T* out;
  int64_t out_stride;
  int64_t rows;
  int64_t cols;
  bool accumulate;
};
void apply_dropout(const DropoutMask& mask, const DropoutBlock<float>& block);
void apply_dropout(const DropoutMask& mask, const DropoutBlock<uint16_t>& block);

}  // namespace strata::kernels
