#pragma once
// fp32 <-> bf16 and fp16, to nearest even or stochastically. Narrow numbers are carried as uint16_t
// bit patterns. The inline forms are for the bodies of dispatched kernels; the batched forms below
// are for everyone else.

#include <bit>
#include <cstdint>
#include <cstring>

#include "base/hash.h"
#include "kernels/lanes.h"
#include "kernels/rows.h"

namespace strata::kernels {

static_assert(std::endian::native == std::endian::little, "rows are stored little-endian");

/// a where `condition`, else b; arithmetic, so that loops over it vectorise.
STRATA_ALWAYS_INLINE uint32_t select_bits(bool condition, uint32_t a, uint32_t b) {
  const uint32_t mask = 0u - static_cast<uint32_t>(condition);
  return (a & mask) | (b & ~mask);
}

STRATA_ALWAYS_INLINE float bf16_to_f32(uint16_t h) {
  return std::bit_cast<float>(static_cast<uint32_t>(h) << 16);
}

/// Nearest even; overflows to infinity; NaN stays a quiet NaN.
STRATA_ALWAYS_INLINE uint16_t f32_to_bf16(float x) {
  const uint32_t u = std::bit_cast<uint32_t>(x);
  const uint32_t rounded = (u + 0x7fff + ((u >> 16) & 1)) >> 16;
  const uint32_t nan = (u >> 16) | 0x40;
  return static_cast<uint16_t>(select_bits((u & 0x7fffffff) > 0x7f800000, nan, rounded));
}

/// Truncates after adding 16 random bits: E[result] = x.
STRATA_ALWAYS_INLINE uint16_t f32_to_bf16_stochastic(float x, uint16_t random) {
  const uint32_t u = std::bit_cast<uint32_t>(x);
  const uint32_t rounded = (u + random) >> 16;
  const uint32_t nan = (u >> 16) | 0x40;
  return static_cast<uint16_t>(select_bits((u & 0x7fffffff) > 0x7f800000, nan, rounded));
}

STRATA_ALWAYS_INLINE float f16_to_f32(uint16_t h) {
  // Exponent and mantissa moved in place, then the exponent bias corrected by one exact product,
  // which also normalises subnormals. Source: F. Giesen, "Half to float done quick".
  const uint32_t shifted = static_cast<uint32_t>(h & 0x7fff) << 13;
  const uint32_t scaled = std::bit_cast<uint32_t>(std::bit_cast<float>(shifted) * 0x1p112f);
  const uint32_t special = (0u - static_cast<uint32_t>(shifted >= (0x7c00u << 13))) & 0x7f800000u;
  return std::bit_cast<float>(scaled | special | (static_cast<uint32_t>(h & 0x8000) << 16));
}

/// Nearest even; |x| >= 65520 becomes infinity; NaN stays a quiet NaN.
STRATA_ALWAYS_INLINE uint16_t f32_to_f16(float x) {
  // Source: F. Giesen, float_to_half_fast3_rtne. Three cases computed side by side.
  const uint32_t u = std::bit_cast<uint32_t>(x);
  const uint32_t sign = (u & 0x80000000u) >> 16;
  const uint32_t a = u & 0x7fffffffu;
  const uint32_t magic = ((127u - 15) + (23 - 10) + 1) << 23;
  const uint32_t subnormal =
      std::bit_cast<uint32_t>(std::bit_cast<float>(a) + std::bit_cast<float>(magic)) - magic;
  const uint32_t normal = (a + ((15u - 127u) << 23) + 0xfff + ((a >> 13) & 1)) >> 13;
  const uint32_t special = select_bits(a > 0x7f800000u, 0x7e00u, 0x7c00u);
  const uint32_t finite = select_bits(a < (113u << 23), subnormal, normal);
  return static_cast<uint16_t>(select_bits(a >= (143u << 23), special, finite) | sign);
}

/// One of the two neighbours of x, the nearer one more often: E[result] = x to 2^-13 of a step.
STRATA_ALWAYS_INLINE uint16_t f32_to_f16_stochastic(float x, uint16_t random) {
  const uint32_t u = std::bit_cast<uint32_t>(x);
  const uint32_t a = u & 0x7fffffffu;
  const bool special = a >= (143u << 23);  // beyond fp16 or not finite: no neighbours to choose
  const uint32_t magnitude = select_bits(special, 0, a);
  const uint32_t exponent = magnitude & 0x7f800000u;
  const uint32_t floor_exponent = select_bits(exponent < (113u << 23), 113u << 23, exponent);
  const uint32_t step = floor_exponent - (10u << 23);  // of fp16 at x, as the bits of a float
  const float steps = std::bit_cast<float>(magnitude) * std::bit_cast<float>((254u << 23) - step);
  const float chance = static_cast<float>(random >> 3) * 0x1p-13f;
  const auto whole = static_cast<int32_t>(steps + chance);
  const float rounded = static_cast<float>(whole) * std::bit_cast<float>(step);
  const uint32_t bits = std::bit_cast<uint32_t>(rounded) | (u & 0x80000000u);
  return f32_to_f16(std::bit_cast<float>(select_bits(special, u, bits)));
}

/// One row of narrow weights -> fp32.
template <DType kDType>
STRATA_ALWAYS_INLINE void load_weights(const std::byte* row, int dim, float* out) {
  if constexpr (kDType == DType::kF32) {
    std::memcpy(out, row, sizeof(float) * static_cast<size_t>(dim));
  } else {
    const auto* in = reinterpret_cast<const uint16_t*>(row);
    STRATA_INDEPENDENT_LOOP
    for (int i = 0; i < dim; ++i) {
      out[i] = kDType == DType::kBf16 ? bf16_to_f32(in[i]) : f16_to_f32(in[i]);
    }
  }
}

/// fp32 -> one row, to nearest even.
template <DType kDType>
STRATA_ALWAYS_INLINE void store_weights(const float* in, int dim, std::byte* row) {
  if constexpr (kDType == DType::kF32) {
    std::memcpy(row, in, sizeof(float) * static_cast<size_t>(dim));
  } else {
    auto* out = reinterpret_cast<uint16_t*>(row);
    STRATA_INDEPENDENT_LOOP
    for (int i = 0; i < dim; ++i) {
      out[i] = kDType == DType::kBf16 ? f32_to_bf16(in[i]) : f32_to_f16(in[i]);
    }
  }
}

/// 16 random bits for element i of the stream `random`: a 32-bit hash, which vectorises everywhere.
/// Source: lowbias32 (C. Wellons, "Prospecting for hash functions"), keyed twice.
STRATA_ALWAYS_INLINE uint16_t rounding_bits(CounterRng random, int i) {
  uint32_t x = static_cast<uint32_t>(random.key) + static_cast<uint32_t>(i) * 0x9e3779b9u;
  x = (x ^ (x >> 16)) * 0x7feb352du;
  x ^= static_cast<uint32_t>(random.key >> 32);
  x = (x ^ (x >> 15)) * 0x846ca68bu;
  return static_cast<uint16_t>(x >> 16);
}

/// fp32 -> one row of narrow weights, stochastically: element i draws rounding_bits(random, i).
template <DType kDType>
STRATA_ALWAYS_INLINE void store_weights_stochastic(const float* in, int dim, CounterRng random,
                                                   std::byte* row) {
  static_assert(kDType != DType::kF32);
  auto* out = reinterpret_cast<uint16_t*>(row);
  STRATA_INDEPENDENT_LOOP
  for (int i = 0; i < dim; ++i) {
    const uint16_t bits = rounding_bits(random, i);
    out[i] = kDType == DType::kBf16 ? f32_to_bf16_stochastic(in[i], bits)
                                    : f32_to_f16_stochastic(in[i], bits);
  }
}

/// Key of the random bits that round row `h` at step `step` (DESIGN: counters (seed, step, key,
/// element)).
STRATA_ALWAYS_INLINE CounterRng rounding_random(uint64_t seed, uint32_t step, uint64_t h) {
  return CounterRng{mix64(combine64(seed, step) ^ h)};
}

/// in [n] of `dtype` -> out [n] fp32. No alignment asked beyond the element's. Thread-safe.
void widen(DType dtype, const void* in, int64_t n, float* out);

/// in [n] fp32 -> out [n] of `dtype`, to nearest even. Thread-safe.
void narrow(DType dtype, const float* in, int64_t n, void* out);

/// in [n] fp32 -> out [n] of `dtype`; narrow types round stochastically by counter, kF32 copies.
/// Reproducible: the same (random, element) gives the same bits. Thread-safe. n <= 2^30.
void narrow_stochastic(DType dtype, const float* in, int64_t n, CounterRng random, void* out);

}  // namespace strata::kernels
