#include "kernels/dropout.h"

#include "base/hash.h"
#include "base/isa.h"
#include "kernels/bfloat16.h"

namespace strata::kernels {
namespace {

template <class T>
struct Dropout {
  struct Args {
    const DropoutMask& mask;
    const DropoutBlock<T>& block;
  };
  /// CounterRng::bits, inlined into each instruction set.
  STRATA_ALWAYS_INLINE static uint64_t bits(uint64_t key, uint64_t i) {
    uint64_t z = key + (i + 1) * 0x9e3779b97f4a7c15ull;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
    return z ^ (z >> 31);
  }
  STRATA_ALWAYS_INLINE static void run(const Args& a) {
    const DropoutBlock<T> b = a.block;
    const float scale = 1 / (1 - a.mask.rate);
    // uniform(i) = (bits >> 40) * 2^-24 >= rate, in whole numbers.
    const auto limit = static_cast<uint64_t>(__builtin_ceil(double{a.mask.rate} * 0x1p24));
    for (int64_t r = 0; r < b.rows; ++r) {
      const T* __restrict in = b.in + r * b.in_stride;
      T* __restrict out = b.out + r * b.out_stride;
      const uint64_t first = static_cast<uint64_t>((a.mask.first_sample + r) * b.cols);
      for (int64_t c = 0; c < b.cols; ++c) {
        const bool kept = (bits(a.mask.key, first + c) >> 40) >= limit;
        const float value = kept ? load_f32(in + c) * scale : 0.0f;
        store_f32(out + c, b.accumulate ? load_f32(out + c) + value : value);
      }
    }
  }
};

}  // namespace

void apply_dropout(const DropoutMask& mask, const DropoutBlock<float>& block) {
  isa::dispatch<Dropout<float>>(Dropout<float>::Args{mask, block});
}
void apply_dropout(const DropoutMask& mask, const DropoutBlock<uint16_t>& block) {
  isa::dispatch<Dropout<uint16_t>>(Dropout<uint16_t>::Args{mask, block});
}

}  // namespace strata::kernels
