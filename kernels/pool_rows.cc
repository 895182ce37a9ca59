#include "kernels/pool_rows.h"

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "base/check.h"
#include "kernels/convert.h"
#include "kernels/isa.h"

namespace strata::kernels {
namespace {

constexpr int64_t kAhead = 24;       // rows in flight
constexpr int kPrefetchBytes = 512;  // of a row; the hardware follows longer ones

/// kDim is the row width, or 0 when it is only known at run time.
template <DType kDType, int kDim>
struct PoolKernel {
  struct Args {
    const PoolRows& pool;
  };

  STRATA_ALWAYS_INLINE static int dim_of(const PoolRows& p) { return kDim ? kDim : p.dim; }

  STRATA_ALWAYS_INLINE static void prefetch(const PoolRows& p, const std::byte* row) {
    const int bytes = std::min(dim_of(p) * dtype_bytes(kDType), kPrefetchBytes);
    for (int at = 0; at < bytes; at += 64) __builtin_prefetch(row + at);
    __builtin_prefetch(row + bytes - 1);  // rows are not aligned to cache lines
  }

  /// Weights as stored; rows are aligned to 4 bytes.
  using Stored = std::conditional_t<kDType == DType::kF32, float, uint16_t>;
  STRATA_ALWAYS_INLINE static const Stored* weights(const std::byte* row) {
    return reinterpret_cast<const Stored*>(row);
  }
  STRATA_ALWAYS_INLINE static float widened(Stored w) {
    if constexpr (kDType == DType::kF32) {
      return w;
    } else {
      return kDType == DType::kBf16 ? bf16_to_f32(w) : f16_to_f32(w);
    }
  }

  /// One id per bag, factor 1: a copy.
  STRATA_ALWAYS_INLINE static void copy_rows(const PoolRows& p) {
    const int dim = dim_of(p);
    const int32_t* inverse = p.inverse;
    float* out = p.out;
    for (int64_t b = p.begin; b < std::min(p.begin + kAhead, p.end); ++b) {
      prefetch(p, p.rows[inverse[b]]);
    }
    for (int64_t b = p.begin; b < p.end; ++b, out += p.stride) {
      if (b + kAhead < p.end) prefetch(p, p.rows[inverse[b + kAhead]]);
      const Stored* __restrict row = weights(p.rows[inverse[b]]);
      float* __restrict to = out;
      for (int i = 0; i < dim; ++i) to[i] = widened(row[i]);
    }
  }

  /// Adds the bag [first, last) into sum [dim], which starts at zero.
  STRATA_ALWAYS_INLINE static void add_bag(const PoolRows& p, int64_t first, int64_t last,
                                           int64_t end, float* __restrict sum) {
    const int dim = dim_of(p);
    for (int64_t j = first; j < last; ++j) {
      if (j + kAhead < end) prefetch(p, p.rows[p.inverse[j + kAhead]]);
      const Stored* __restrict row = weights(p.rows[p.inverse[j]]);
      if (p.factors) {
        const float factor = p.factors[j];
        for (int i = 0; i < dim; ++i) sum[i] += factor * widened(row[i]);
      } else {
        for (int i = 0; i < dim; ++i) sum[i] += widened(row[i]);
      }
    }
  }

  STRATA_ALWAYS_INLINE static void run(const Args& args) {
    const PoolRows& p = args.pool;
    if (!p.bag_offsets && !p.factors) return copy_rows(p);
    const int dim = dim_of(p);
    float* out = p.out;
    const int64_t start = p.bag_offsets ? p.bag_offsets[p.begin] : p.begin;
    const int64_t end = p.bag_offsets ? p.bag_offsets[p.end] : p.end;
    for (int64_t j = start; j < std::min(start + kAhead, end); ++j) {
      prefetch(p, p.rows[p.inverse[j]]);
    }
    for (int64_t b = p.begin; b < p.end; ++b, out += p.stride) {
      const int64_t first = p.bag_offsets ? p.bag_offsets[b] : b;
      const int64_t last = p.bag_offsets ? p.bag_offsets[b + 1] : b + 1;
      if constexpr (kDim != 0) {
        float sum[kDim] = {};
        add_bag(p, first, last, end, sum);
        for (int i = 0; i < kDim; ++i) out[i] = sum[i];
      } else {
        std::fill_n(out, dim, 0.0f);
        add_bag(p, first, last, end, out);
      }
    }
  }
};

template <DType kDType>
void pool_dim(const PoolRows& p) {
  switch (p.dim) {
    case 1:
      return isa::dispatch<PoolKernel<kDType, 1>, typename PoolKernel<kDType, 1>::Args>({p});
    case 8:
      return isa::dispatch<PoolKernel<kDType, 8>, typename PoolKernel<kDType, 8>::Args>({p});
    case 10:
      return isa::dispatch<PoolKernel<kDType, 10>, typename PoolKernel<kDType, 10>::Args>({p});
    case 16:
      return isa::dispatch<PoolKernel<kDType, 16>, typename PoolKernel<kDType, 16>::Args>({p});
    case 32:
      return isa::dispatch<PoolKernel<kDType, 32>, typename PoolKernel<kDType, 32>::Args>({p});
    case 64:
      return isa::dispatch<PoolKernel<kDType, 64>, typename PoolKernel<kDType, 64>::Args>({p});
    case 128:
      return isa::dispatch<PoolKernel<kDType, 128>, typename PoolKernel<kDType, 128>::Args>({p});
    default:
      return isa::dispatch<PoolKernel<kDType, 0>, typename PoolKernel<kDType, 0>::Args>({p});
  }
}

/// factors[j] = w_j / divisor, where divisor is made of the bag's sum over measure(w).
template <class Measure, class Divisor>
void bag_factors(const Bags& bags, float* factors, Measure measure, Divisor divisor) {
  for (int64_t b = 0; b < bags.bags; ++b) {
    double sum = 0;
    for (int32_t j = bags.offsets[b]; j < bags.offsets[b + 1]; ++j) {
      sum += measure(bags.weights ? double{bags.weights[j]} : 1.0);
    }
    const double scale = sum == 0 ? 0 : 1 / divisor(sum);
    for (int32_t j = bags.offsets[b]; j < bags.offsets[b + 1]; ++j) {
      factors[j] = static_cast<float>((bags.weights ? double{bags.weights[j]} : 1.0) * scale);
    }
  }
}

}  // namespace

void pool_rows(const PoolRows& args) {
  if (args.begin >= args.end) return;
  STRATA_CHECK(args.dim > 0 && args.stride >= args.dim, "shape", args.dim, args.stride);
  switch (args.dtype) {
    case DType::kF32:
      return pool_dim<DType::kF32>(args);
    case DType::kBf16:
      return pool_dim<DType::kBf16>(args);
    case DType::kF16:
      return pool_dim<DType::kF16>(args);
  }
}

void mean_factors(const Bags& bags, float* factors) {
  bag_factors(
      bags, factors, [](double w) { return w; }, [](double sum) { return sum; });
}

void sqrtn_factors(const Bags& bags, float* factors) {
  bag_factors(
      bags, factors, [](double w) { return w * w; }, [](double sum) { return std::sqrt(sum); });
}

}  // namespace strata::kernels
