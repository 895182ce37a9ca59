#include "kernels/gemm_plain.h"

#include "base/isa.h"
#include "kernels/bfloat16.h"

namespace strata::kernels {
namespace {

struct Args {
  const GemmShape& shape;
  const void* a;
  const void* b;
  const float* bias;
  void* c;
  float* row;  // [n] sums of one row of C
};

template <class In, class Out>
struct PlainGemm {
  STRATA_ALWAYS_INLINE static void add_product(const Args& args, int64_t i) {
    const GemmShape& s = args.shape;
    const In* a = static_cast<const In*>(args.a) + i * (s.transpose_a ? 1 : s.a_stride);
    const In* b = static_cast<const In*>(args.b);
    const int64_t a_step = s.transpose_a ? s.a_stride : 1;
    float* __restrict row = args.row;
    if (s.transpose_b) {
      for (int64_t j = 0; j < s.n; ++j) {
        float sum = 0;
        for (int64_t p = 0; p < s.k; ++p) {
          sum += load_f32(a + p * a_step) * load_f32(b + j * s.b_stride + p);
        }
        row[j] += sum;
      }
      return;
    }
    for (int64_t p = 0; p < s.k; ++p) {
      const float factor = load_f32(a + p * a_step);
      const In* __restrict b_row = b + p * s.b_stride;
      for (int64_t j = 0; j < s.n; ++j) row[j] += factor * load_f32(b_row + j);
    }
  }

  STRATA_ALWAYS_INLINE static void run(const Args& args) {
    const GemmShape& s = args.shape;
    for (int64_t i = 0; i < s.m; ++i) {
      Out* c = static_cast<Out*>(args.c) + i * s.c_stride;
      for (int64_t j = 0; j < s.n; ++j) {
        args.row[j] = s.accumulate ? load_f32(c + j) : s.bias ? args.bias[j] : 0;
      }
      add_product(args, i);
      for (int64_t j = 0; j < s.n; ++j) store_f32(c + j, activate(args.row[j], s.activation));
    }
  }
};

}  // namespace

void gemm_plain(const GemmShape& shape, const GemmOperands& operands, AlignedVector<float>& row) {
  if (row.size() < static_cast<size_t>(shape.n)) row.resize(shape.n);
  const Args args{shape, operands.a, operands.b, operands.bias, operands.c, row.data()};
  const bool bf16_in = shape.input == DType::kBf16;
  const bool bf16_out = shape.output == DType::kBf16;
  if (!bf16_in && !bf16_out) return isa::dispatch<PlainGemm<float, float>>(args);
  if (!bf16_in) return isa::dispatch<PlainGemm<float, uint16_t>>(args);
  if (!bf16_out) return isa::dispatch<PlainGemm<uint16_t, float>>(args);
  isa::dispatch<PlainGemm<uint16_t, uint16_t>>(args);
}

}  // namespace strata::kernels
