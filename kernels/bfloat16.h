#pragma once
// Loads and stores that let a kernel be written once for fp32 and for bf16 (uint16_t) operands.

#include "base/isa.h"
#include "kernels/convert.h"

namespace strata::kernels {

STRATA_ALWAYS_INLINE float load_f32(const float* p) { return *p; }
STRATA_ALWAYS_INLINE float load_f32(const uint16_t* p) { return bf16_to_f32(*p); }
STRATA_ALWAYS_INLINE void store_f32(float* p, float value) { *p = value; }
STRATA_ALWAYS_INLINE void store_f32(uint16_t* p, float value) { *p = f32_to_bf16(value); }

}  // namespace strata::kernels
