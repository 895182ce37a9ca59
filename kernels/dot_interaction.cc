#include "kernels/dot_interaction.h"

#include <cstring>

#include "kernels/bfloat16.h"
#include "kernels/isa.h"

// Both directions are small matrix products per sample, Z = E E^T and dE = (S + S^T) E with E
// [count, dim] and S the strict lower triangle of the dots' gradients. Vectors of 16 lanes run
// over the index that is contiguous after one transposition, so there are no horizontal sums.
namespace strata::kernels {
namespace {

constexpr int kLanes = 16;
using Lanes = float __attribute__((vector_size(kLanes * sizeof(float)), aligned(64), may_alias));
using UnalignedLanes =
    float __attribute__((vector_size(kLanes * sizeof(float)), aligned(4), may_alias));

constexpr int padded(int n) { return (n + kLanes - 1) / kLanes * kLanes; }

template <class Out>
struct Args {
  const DotInteractionShape& shape;
  const float* x;
  Out* out;  // forward: the result; backward: its gradient, read only
  const DotInteractionGradient* gradient;
  float* scratch;
};

/// kDim > 0 fixes the width at compile time.
template <int kDim, class Out>
struct Forward {
  /// transposed [dim, padded(count)]: column a is vector a; the padding is zero.
  STRATA_ALWAYS_INLINE static void transpose(const float* __restrict x, int count, int dim,
                                             float* __restrict transposed) {
    const int stride = padded(count);
    for (int a = 0; a < count; ++a) {
      for (int d = 0; d < dim; ++d) transposed[d * stride + a] = x[a * dim + d];
    }
  }

  /// to[b] = dot of `vector` with vectors b in [block, block + 16) of the transposed matrix.
  STRATA_ALWAYS_INLINE static void dots(const float* vector, const float* transposed, int stride,
                                        int dim, float* to) {
    Lanes even = {};
    Lanes odd = {};
    int d = 0;
    for (; d + 2 <= dim; d += 2) {
      even += vector[d] * *reinterpret_cast<const Lanes*>(transposed + d * stride);
      odd += vector[d + 1] * *reinterpret_cast<const Lanes*>(transposed + (d + 1) * stride);
    }
    if (d < dim) even += vector[d] * *reinterpret_cast<const Lanes*>(transposed + d * stride);
    *reinterpret_cast<UnalignedLanes*>(to) = even + odd;
  }

  STRATA_ALWAYS_INLINE static void run(const Args<Out>& args) {
    const DotInteractionShape& s = args.shape;
    const int dim = kDim > 0 ? kDim : s.dim;
    const int stride = padded(s.count);
    float* transposed = args.scratch;
    float* triangle = transposed + static_cast<int64_t>(dim) * stride;
    std::memset(transposed, 0, sizeof(float) * dim * stride);
    const int64_t pairs = s.pairs();
    for (int64_t r = 0; r < s.rows; ++r) {
      const float* x = args.x + r * s.x_stride;
      transpose(x, s.count, dim, transposed);
      float* row = triangle;  // each row overwrites the excess lanes of the one before
      for (int a = 1; a < s.count; ++a) {
        for (int block = 0; block < a; block += kLanes) {
          dots(x + a * dim, transposed + block, stride, dim, row + block);
        }
        row += a;
      }
      Out* out = args.out + r * s.out_stride;
      for (int d = 0; d < dim; ++d) store_f32(out + d, x[d]);
      for (int64_t p = 0; p < pairs; ++p) store_f32(out + dim + p, triangle[p]);
    }
  }
};

template <int kDim, class Out>
struct Backward {
  static constexpr int kGroup = 4;  // vectors whose sums are formed together

  /// Full symmetric matrix [count, count] with zero diagonal from the triangle's gradients.
  STRATA_ALWAYS_INLINE static void symmetric(const Out* __restrict triangle, int count,
                                             float* __restrict matrix) {
    for (int a = 0; a < count; ++a) {
      for (int b = 0; b < a; ++b) {
        const float g = load_f32(triangle++);
        matrix[a * count + b] = g;
        matrix[b * count + a] = g;
      }
    }
  }

  /// Sums of `kRows` vectors of dE, lanes [d, d + 16): sums[i] = sum over b of m[i, b] * E[b].
  template <int kRows>
  STRATA_ALWAYS_INLINE static void product(const float* m, const float* e, int count, int e_stride,
                                           Lanes* sums) {
    for (int i = 0; i < kRows; ++i) sums[i] = Lanes{};
    for (int b = 0; b < count; ++b) {
      const Lanes eb = *reinterpret_cast<const UnalignedLanes*>(e + b * e_stride);
      for (int i = 0; i < kRows; ++i) sums[i] += m[i * count + b] * eb;
    }
  }

  STRATA_ALWAYS_INLINE static void write(const Lanes& sum, float* dx, int lanes, bool accumulate) {
    if (lanes == kLanes) {
      auto& to = *reinterpret_cast<UnalignedLanes*>(dx);
      to = accumulate ? to + sum : sum;
      return;
    }
    for (int i = 0; i < lanes; ++i) dx[i] = (accumulate ? dx[i] : 0.0f) + sum[i];
  }

  STRATA_ALWAYS_INLINE static void run(const Args<Out>& args) {
    const DotInteractionShape& s = args.shape;
    const int dim = kDim > 0 ? kDim : s.dim;
    const int wide = padded(dim);
    float* matrix = args.scratch;
    float* copy = matrix + padded(s.count * s.count);  // E with rows padded to whole vectors
    std::memset(matrix, 0, sizeof(float) * s.count * s.count);
    if (wide != dim) std::memset(copy, 0, sizeof(float) * s.count * wide);
    const DotInteractionGradient& g = *args.gradient;
    for (int64_t r = 0; r < s.rows; ++r) {
      const float* e = args.x + r * s.x_stride;
      if (wide != dim) {
        for (int a = 0; a < s.count; ++a) {
          for (int d = 0; d < dim; ++d) copy[a * wide + d] = e[a * dim + d];
        }
        e = copy;
      }
      const Out* dout = args.out + r * s.out_stride;
      symmetric(dout + dim, s.count, matrix);
      float* dx = g.dx + r * g.dx_stride;
      for (int d = 0; d < dim; d += kLanes) {
        const int lanes = dim - d < kLanes ? dim - d : kLanes;
        Lanes sums[kGroup];
        int a = 0;
        for (; a + kGroup <= s.count; a += kGroup) {
          product<kGroup>(matrix + a * s.count, e + d, s.count, wide, sums);
          for (int i = 0; i < kGroup; ++i)
            write(sums[i], dx + (a + i) * dim + d, lanes, g.accumulate);
        }
        for (; a < s.count; ++a) {
          product<1>(matrix + a * s.count, e + d, s.count, wide, sums);
          write(sums[0], dx + a * dim + d, lanes, g.accumulate);
        }
      }
      for (int d = 0; d < dim; ++d) dx[d] += load_f32(dout + d);
    }
  }
};

template <template <int, class> class Kernel, class Out>
void run_for_dim(const Args<Out>& args) {
  if (args.shape.dim == 16) return isa::dispatch<Kernel<16, Out>>(args);
  isa::dispatch<Kernel<0, Out>>(args);
}

}  // namespace

int64_t dot_interaction_scratch(const DotInteractionShape& s) {
  const int64_t forward = int64_t{s.dim} * padded(s.count) + s.pairs() + kLanes;
  const int64_t backward = padded(s.count * s.count) + int64_t{s.count} * padded(s.dim);
  return forward > backward ? forward : backward;
}

void dot_interaction_forward(const DotInteractionShape& shape, const float* x, float* out,
                             float* scratch) {
  run_for_dim<Forward>(Args<float>{shape, x, out, nullptr, scratch});
}
void dot_interaction_forward(const DotInteractionShape& shape, const float* x, uint16_t* out,
                             float* scratch) {
  run_for_dim<Forward>(Args<uint16_t>{shape, x, out, nullptr, scratch});
}
void dot_interaction_backward(const DotInteractionShape& shape, const float* x, const float* dout,
                              const DotInteractionGradient& gradient, float* scratch) {
  run_for_dim<Backward>(Args<const float>{shape, x, dout, &gradient, scratch});
}
void dot_interaction_backward(const DotInteractionShape& shape, const float* x,
                              const uint16_t* dout, const DotInteractionGradient& gradient,
                              float* scratch) {
  run_for_dim<Backward>(Args<const uint16_t>{shape, x, dout, &gradient, scratch});
}

}  // namespace strata::kernels
