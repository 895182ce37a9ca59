#include "kernels/convert.h"

#include "base/check.h"

namespace strata::kernels {
namespace {

struct ConvertArgs {
  const void* in;
  int64_t n;
  void* out;
  CounterRng random;
};

template <DType kDType>
struct Widen {
  STRATA_ALWAYS_INLINE static void run(const ConvertArgs& args) {
    load_weights<kDType>(static_cast<const std::byte*>(args.in), static_cast<int>(args.n),
                         static_cast<float*>(args.out));
  }
};

template <DType kDType>
struct Narrow {
  STRATA_ALWAYS_INLINE static void run(const ConvertArgs& args) {
    store_weights<kDType>(static_cast<const float*>(args.in), static_cast<int>(args.n),
                          static_cast<std::byte*>(args.out));
  }
};

template <DType kDType>
struct NarrowStochastic {
  STRATA_ALWAYS_INLINE static void run(const ConvertArgs& args) {
    store_weights_stochastic<kDType>(static_cast<const float*>(args.in), static_cast<int>(args.n),
                                     args.random, static_cast<std::byte*>(args.out));
  }
};

// Lengths are int inside: long arrays go in pieces.
constexpr int64_t kPiece = int64_t{1} << 30;

template <template <DType> class Kernel>
void convert(DType dtype, const ConvertArgs& args, int64_t in_bytes, int64_t out_bytes) {
  for (int64_t begin = 0; begin < args.n; begin += kPiece) {
    const ConvertArgs piece = {.in = static_cast<const std::byte*>(args.in) + begin * in_bytes,
                               .n = args.n - begin < kPiece ? args.n - begin : kPiece,
                               .out = static_cast<std::byte*>(args.out) + begin * out_bytes,
                               .random = args.random};
    if (dtype == DType::kBf16) {
      isa::dispatch<Kernel<DType::kBf16>>(piece);
    } else {
      isa::dispatch<Kernel<DType::kF16>>(piece);
    }
  }
}

}  // namespace

void widen(DType dtype, const void* in, int64_t n, float* out) {
  if (n == 0) return;
  if (dtype == DType::kF32) {
    std::memcpy(out, in, static_cast<size_t>(n) * sizeof(float));
    return;
  }
  convert<Widen>(dtype, {in, n, out, {}}, 2, 4);
}

void narrow(DType dtype, const float* in, int64_t n, void* out) {
  if (n == 0) return;
  if (dtype == DType::kF32) {
    std::memcpy(out, in, static_cast<size_t>(n) * sizeof(float));
    return;
  }
  convert<Narrow>(dtype, {in, n, out, {}}, 4, 2);
}

void narrow_stochastic(DType dtype, const float* in, int64_t n, CounterRng random, void* out) {
  STRATA_CHECK(n <= kPiece, "one counter stream per call", n);
  if (n == 0) return;
  if (dtype == DType::kF32) {
    std::memcpy(out, in, static_cast<size_t>(n) * sizeof(float));
    return;
  }
  convert<NarrowStochastic>(dtype, {in, n, out, random}, 4, 2);
}

}  // namespace strata::kernels
