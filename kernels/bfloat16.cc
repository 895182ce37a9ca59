#include "kernels/bfloat16.h"

namespace strata::kernels {
namespace {

struct RoundToBf16 {
  struct Args {
    const float* in;
    int64_t in_stride;
    uint16_t* out;
    int64_t out_stride;
    int64_t rows;
    int64_t cols;
  };
  STRATA_ALWAYS_INLINE static void run(const Args& args) {
    for (int64_t r = 0; r < args.rows; ++r) {
      const float* __restrict in = args.in + r * args.in_stride;
      uint16_t* __restrict out = args.out + r * args.out_stride;
      for (int64_t c = 0; c < args.cols; ++c) out[c] = to_bf16(in[c]);
    }
  }
};

}  // namespace

void round_to_bf16(const float* in, int64_t in_stride, uint16_t* out, int64_t out_stride,
                   int64_t rows, int64_t cols) {
  isa::dispatch<RoundToBf16>(RoundToBf16::Args{in, in_stride, out, out_stride, rows, cols});
}

}  // namespace strata::kernels
