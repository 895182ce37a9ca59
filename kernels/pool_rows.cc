#include "kernels/pool_rows.h"

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "base/check.h"
#include "base/isa.h"
#include "kernels/convert.h"

namespace strata::kernels {
namespace {

constexpr int64_t kAhead = 24;  // rows in flight
// Rows of a table come from memory in two steps, which takes less than half the time of one: far
// ahead into the second-level cache, which has room for more misses, then into the first.
constexpr int64_t kFarAhead = 48;
constexpr int64_t kNearAhead = 12;
constexpr int kPrefetchBytes = 512;  // of a row; the hardware follows longer ones

/// kLocality as __builtin_prefetch has it: 3 is the first-level cache, 2 the second.
template <int kLocality>
STRATA_ALWAYS_INLINE void prefetch_bytes(const void* at, int bytes) {
  const auto* first = static_cast<const std::byte*>(at);
  bytes = std::min(bytes, kPrefetchBytes);
  for (int offset = 0; offset < bytes; offset += 64) {
    __builtin_prefetch(first + offset, 0, kLocality);
  }
  __builtin_prefetch(first + bytes - 1, 0, kLocality);  // rows are not aligned to cache lines
}

/// kDim is the row width, or 0 when it is only known at run time.
template <DType kDType, int kDim>
struct ReadKernel {
  using Args = ReadRows;

  /// Weights as stored; rows are aligned to 4 bytes.
  using Stored = std::conditional_t<kDType == DType::kF32, float, uint16_t>;
  STRATA_ALWAYS_INLINE static float widened(Stored w) {
    if constexpr (kDType == DType::kF32) {
      return w;
    } else {
      return kDType == DType::kBf16 ? bf16_to_f32(w) : f16_to_f32(w);
    }
  }

  template <int kLocality>
  STRATA_ALWAYS_INLINE static void prefetch(const ReadRows& r, int64_t u) {
    if (u >= static_cast<int64_t>(r.slots.size())) return;
    const int64_t slot = r.slots.data()[u];
    const int dim = kDim ? kDim : r.dim;
    if (slot >= 0) prefetch_bytes<kLocality>(r.rows.row(slot), dim * dtype_bytes(kDType));
  }

  STRATA_ALWAYS_INLINE static void run(const ReadRows& r) {
    const int dim = kDim ? kDim : r.dim;
    const int64_t* slots = r.slots.data();
    const auto count = static_cast<int64_t>(r.slots.size());
    for (int64_t u = 0; u < kFarAhead; ++u) prefetch<2>(r, u);
    float* __restrict out = r.out;
    for (int64_t u = 0; u < count; ++u, out += dim) {
      prefetch<2>(r, u + kFarAhead);
      prefetch<3>(r, u + kNearAhead);
      if (slots[u] < 0) [[unlikely]] {
        for (int i = 0; i < dim; ++i) out[i] = r.absent[i];
        continue;
      }
      const auto* __restrict row = reinterpret_cast<const Stored*>(r.rows.row(slots[u]));
      for (int i = 0; i < dim; ++i) out[i] = widened(row[i]);
    }
  }
};

template <int kDim>
struct PoolKernel {
  using Args = PoolRows;

  STRATA_ALWAYS_INLINE static const float* row(const PoolRows& p, int64_t occurrence) {
    const int dim = kDim ? kDim : p.dim;
    return p.weights + int64_t{p.inverse[occurrence]} * dim;
  }
  STRATA_ALWAYS_INLINE static void prefetch(const PoolRows& p, int64_t occurrence) {
    if (kDim == 1) return;  // they all sit in the second-level cache
    const int dim = kDim ? kDim : p.dim;
    prefetch_bytes<3>(row(p, occurrence), dim * static_cast<int>(sizeof(float)));
  }

  /// One id per bag, factor 1: a copy.
  STRATA_ALWAYS_INLINE static void copy_rows(const PoolRows& p) {
    const int dim = kDim ? kDim : p.dim;
    float* __restrict out = p.out;
    for (int64_t b = p.begin; b < std::min(p.begin + kAhead, p.end); ++b) prefetch(p, b);
    for (int64_t b = p.begin; b < p.end; ++b, out += p.stride) {
      if (b + kAhead < p.end) prefetch(p, b + kAhead);
      const float* __restrict from = row(p, b);
      for (int i = 0; i < dim; ++i) out[i] = from[i];
    }
  }

  /// Adds the bag [first, last) into sum [dim], which starts at zero.
  STRATA_ALWAYS_INLINE static void add_bag(const PoolRows& p, int64_t first, int64_t last,
                                           int64_t end, float* __restrict sum) {
    const int dim = kDim ? kDim : p.dim;
    for (int64_t j = first; j < last; ++j) {
      if (j + kAhead < end) prefetch(p, j + kAhead);
      const float* __restrict from = row(p, j);
      if (p.factors) {
        const float factor = p.factors[j];
        for (int i = 0; i < dim; ++i) sum[i] += factor * from[i];
      } else {
        for (int i = 0; i < dim; ++i) sum[i] += from[i];
      }
    }
  }

  STRATA_ALWAYS_INLINE static void run(const PoolRows& p) {
    if (!p.bag_offsets && !p.factors) return copy_rows(p);
    const int dim = kDim ? kDim : p.dim;
    float* out = p.out;
    const int64_t start = p.bag_offsets ? p.bag_offsets[p.begin] : p.begin;
    const int64_t end = p.bag_offsets ? p.bag_offsets[p.end] : p.end;
    for (int64_t j = start; j < std::min(start + kAhead, end); ++j) prefetch(p, j);
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

/// Calls body.operator()<kDim>() with kDim the width, or 0 where it is not a common one.
template <class Body>
void with_width(int dim, Body&& body) {
  switch (dim) {
    case 1:
      return body.template operator()<1>();
    case 8:
      return body.template operator()<8>();
    case 10:
      return body.template operator()<10>();
    case 16:
      return body.template operator()<16>();
    case 32:
      return body.template operator()<32>();
    case 64:
      return body.template operator()<64>();
    case 128:
      return body.template operator()<128>();
    default:
      return body.template operator()<0>();
  }
}

template <DType kDType>
void read_dtype(const ReadRows& args) {
  with_width(args.dim, [&]<int kDim>() { isa::dispatch<ReadKernel<kDType, kDim>>(args); });
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

void read_rows(const ReadRows& args) {
  if (args.slots.empty()) return;
  STRATA_CHECK(args.dim > 0 && args.rows.row_bytes >= args.dim * dtype_bytes(args.dtype), "shape",
               args.dim, args.rows.row_bytes);
  switch (args.dtype) {
    case DType::kF32:
      return read_dtype<DType::kF32>(args);
    case DType::kBf16:
      return read_dtype<DType::kBf16>(args);
    case DType::kF16:
      return read_dtype<DType::kF16>(args);
  }
}

void pool_rows(const PoolRows& args) {
  if (args.begin >= args.end) return;
  STRATA_CHECK(args.dim > 0 && args.stride >= args.dim, "shape", args.dim, args.stride);
  with_width(args.dim, [&]<int kDim>() { isa::dispatch<PoolKernel<kDim>>(args); });
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
