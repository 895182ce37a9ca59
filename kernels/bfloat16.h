#pragma once
// bfloat16 stored as uint16_t: the upper half of an fp32.

#include <bit>
#include <cstdint>

#include "kernels/isa.h"

namespace strata::kernels {

STRATA_ALWAYS_INLINE float from_bf16(uint16_t value) {
  return std::bit_cast<float>(static_cast<uint32_t>(value) << 16);
}

/// Rounds to nearest, ties to even. NaN becomes a quiet NaN.
STRATA_ALWAYS_INLINE uint16_t to_bf16(float value) {
  const uint32_t bits = std::bit_cast<uint32_t>(value);
  const uint32_t rounded = (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  return static_cast<uint16_t>(value == value ? rounded : ((bits >> 16) | 0x40u));
}

/// One value of either type as fp32, and back: lets a kernel be written once for both.
STRATA_ALWAYS_INLINE float load_f32(const float* p) { return *p; }
STRATA_ALWAYS_INLINE float load_f32(const uint16_t* p) { return from_bf16(*p); }
STRATA_ALWAYS_INLINE void store_f32(float* p, float value) { *p = value; }
STRATA_ALWAYS_INLINE void store_f32(uint16_t* p, float value) { *p = to_bf16(value); }

/// out [rows, cols] = bf16(in [rows, cols]); strides in elements. Thread-safe.
void round_to_bf16(const float* in, int64_t in_stride, uint16_t* out, int64_t out_stride,
                   int64_t rows, int64_t cols);

}  // namespace strata::kernels
