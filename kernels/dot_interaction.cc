#include "kernels/dot_interaction.h"

#include <cstring>

#include "base/isa.h"
#include "kernels/bfloat16.h"

// Both directions are small matrix products per sample, Z = E E^T and dE = (S + S^T) E with E
// [count, dim] and S the strict lower triangle of the dots' gradients. Vectors of 16 lanes run
// over the index that is contiguous after one transposition, so there are no horizontal sums.
namespace strata::kernels {
namespace {

constexpr int kLanes = 16;
using Lanes = float __attribute__((vector_size(kLanes * sizeof(float)), aligned(64), may_alias));
using Quad = float __attribute__((vector_size(16)));

/// Moves between a vector and floats of any alignment; one unaligned instruction when optimised.
template <class Vector>
STRATA_ALWAYS_INLINE void load(Vector& to, const float* from) {
  std::memcpy(&to, from, sizeof(to));
}
template <class Vector>
STRATA_ALWAYS_INLINE void store(float* to, const Vector& from) {
  std::memcpy(to, &from, sizeof(from));
}

constexpr int padded(int n) { return (n + kLanes - 1) / kLanes * kLanes; }

template <class Out>
struct Args {
  const DotInteractionShape& shape;
  const float* x;
  Out* out;  // forward: the result; backward: its gradient, read only
  const DotInteractionGradient* gradient;
  float* scratch;
};

/// to [4 rows, to_stride] = from [4 rows, from_stride] transposed; 4 x 4.
STRATA_ALWAYS_INLINE void transpose_block(const float* from, int from_stride, float* to,
                                          int to_stride) {
  Quad a, b, c, d;
  load(a, from);
  load(b, from + from_stride);
  load(c, from + 2 * from_stride);
  load(d, from + 3 * from_stride);
  const Quad ab_low = __builtin_shufflevector(a, b, 0, 4, 1, 5);
  const Quad ab_high = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  const Quad cd_low = __builtin_shufflevector(c, d, 0, 4, 1, 5);
  const Quad cd_high = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  store<Quad>(to, __builtin_shufflevector(ab_low, cd_low, 0, 1, 4, 5));
  store<Quad>(to + to_stride, __builtin_shufflevector(ab_low, cd_low, 2, 3, 6, 7));
  store<Quad>(to + 2 * to_stride, __builtin_shufflevector(ab_high, cd_high, 0, 1, 4, 5));
  store<Quad>(to + 3 * to_stride, __builtin_shufflevector(ab_high, cd_high, 2, 3, 6, 7));
}

/// kDim > 0 fixes the width at compile time.
template <int kDim, class Out>
struct Forward {
  static constexpr int kGroup = 4;  // vectors whose dots are formed together

  /// transposed [dim, padded(count)]: column a is vector a; the padding is not touched.
  STRATA_ALWAYS_INLINE static void transpose(const float* __restrict x, int count, int dim,
                                             float* __restrict transposed) {
    const int stride = padded(count);
    int a = 0;
    for (; a + 4 <= count; a += 4) {
      int d = 0;
      for (; d + 4 <= dim; d += 4) {
        transpose_block(x + a * dim + d, dim, transposed + d * stride + a, stride);
      }
      for (; d < dim; ++d) {
        for (int i = a; i < a + 4; ++i) transposed[d * stride + i] = x[i * dim + d];
      }
    }
    for (; a < count; ++a) {
      for (int d = 0; d < dim; ++d) transposed[d * stride + a] = x[a * dim + d];
    }
  }

  /// Rows [a, a + kRows) of the square matrix of dots, columns [block, block + 16).
  template <int kRows>
  STRATA_ALWAYS_INLINE static void dots(const float* vectors, int dim, const float* transposed,
                                        int stride, float* square) {
    Lanes sums[kRows];
    for (int i = 0; i < kRows; ++i) sums[i] = Lanes{};
    for (int d = 0; d < dim; ++d) {
      const Lanes others = *reinterpret_cast<const Lanes*>(transposed + d * stride);
      for (int i = 0; i < kRows; ++i) sums[i] += vectors[i * dim + d] * others;
    }
    for (int i = 0; i < kRows; ++i) *reinterpret_cast<Lanes*>(square + i * stride) = sums[i];
  }

  STRATA_ALWAYS_INLINE static void fill_square(const float* x, int count, int dim,
                                               const float* transposed, float* square) {
    const int stride = padded(count);
    int a = 0;
    for (; a + kGroup <= count; a += kGroup) {
      for (int block = 0; block < a + kGroup - 1; block += kLanes) {
        dots<kGroup>(x + a * dim, dim, transposed + block, stride, square + a * stride + block);
      }
    }
    for (; a < count; ++a) {
      for (int block = 0; block < a; block += kLanes) {
        dots<1>(x + a * dim, dim, transposed + block, stride, square + a * stride + block);
      }
    }
  }

  STRATA_ALWAYS_INLINE static void run(const Args<Out>& args) {
    const DotInteractionShape& s = args.shape;
    const int dim = kDim > 0 ? kDim : s.dim;
    const int stride = padded(s.count);
    float* transposed = args.scratch;
    float* square = transposed + static_cast<int64_t>(dim) * stride;
    float* triangle = square + static_cast<int64_t>(s.count) * stride;
    std::memset(transposed, 0, sizeof(float) * dim * stride);
    const int64_t pairs = s.pairs();
    for (int64_t r = 0; r < s.rows; ++r) {
      const float* x = args.x + r * s.x_stride;
      transpose(x, s.count, dim, transposed);
      fill_square(x, s.count, dim, transposed, square);
      float* row = triangle;  // each row overwrites the excess lanes of the one before
      for (int a = 1; a < s.count; ++a) {
        for (int block = 0; block < a; block += kLanes) {
          std::memcpy(row + block, square + a * stride + block, sizeof(Lanes));
        }
        row += a;
      }
      Out* __restrict out = args.out + r * s.out_stride;
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
    for (int a = 1; a < count; ++a) {
      float* __restrict row = matrix + a * count;
      for (int b = 0; b < a; ++b) row[b] = load_f32(triangle + b);
      for (int b = 0; b < a; ++b) matrix[b * count + a] = row[b];
      triangle += a;
    }
  }

  /// Sums of `kRows` vectors of dE, lanes [d, d + 16): sums[i] = sum over b of m[i, b] * E[b].
  template <int kRows>
  STRATA_ALWAYS_INLINE static void product(const float* m, int count, const float* e, int e_stride,
                                           Lanes* sums) {
    for (int i = 0; i < kRows; ++i) sums[i] = Lanes{};
    for (int b = 0; b < count; ++b) {
      Lanes eb;
      load(eb, e + b * e_stride);
      for (int i = 0; i < kRows; ++i) sums[i] += m[i * count + b] * eb;
    }
  }

  STRATA_ALWAYS_INLINE static void write(const Lanes& sum, float* dx, int lanes, bool accumulate) {
    if (lanes == kLanes) {
      if (!accumulate) return store(dx, sum);
      Lanes before;
      load(before, dx);
      return store<Lanes>(dx, before + sum);
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
          product<kGroup>(matrix + a * s.count, s.count, e + d, wide, sums);
          for (int i = 0; i < kGroup; ++i)
            write(sums[i], dx + (a + i) * dim + d, lanes, g.accumulate);
        }
        for (; a < s.count; ++a) {
          product<1>(matrix + a * s.count, s.count, e + d, wide, sums);
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
  const int64_t forward = (int64_t{s.dim} + s.count) * padded(s.count) + s.pairs() + kLanes;
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
