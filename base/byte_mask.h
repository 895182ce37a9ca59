#pragma once

#include <cstdint>

#include "base/isa.h"
#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace strata {

/// Bit i is set where text[i] is `byte`; reads 64 bytes.
STRATA_ALWAYS_INLINE uint64_t bytes_equal(const char* text, char byte) {
  uint64_t bits = 0;
#if defined(__SSE2__)
  const __m128i wanted = _mm_set1_epi8(byte);
  for (int i = 0; i < 64; i += 16) {
    const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(text + i));
    const auto equal = static_cast<uint32_t>(_mm_movemask_epi8(_mm_cmpeq_epi8(bytes, wanted)));
    bits |= uint64_t{equal} << i;
  }
#else
  for (int i = 0; i < 64; ++i) bits |= uint64_t{text[i] == byte} << i;
#endif
  return bits;
}

}  // namespace strata
