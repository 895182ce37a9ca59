#pragma once
// Who walks the elements of one row. Optimizer formulas are written once against this concept:
//   lanes.for_each(dim, f)   f(i) for every element i, in no particular order
//   lanes.sum(dim, f)        sum of f(i), in an order that depends on dim only
// OneLane is the CPU: a plain loop the compiler vectorises. A warp has the same two members.

#include <cstdint>
#include <cstring>

#include "base/isa.h"

/// Before a loop whose iterations are independent, whatever the pointers may look like.
#if defined(__clang__)
#define STRATA_INDEPENDENT_LOOP _Pragma("clang loop vectorize(assume_safety)")
#else
#define STRATA_INDEPENDENT_LOOP _Pragma("GCC ivdep")
#endif

/// Before a short loop of constant length: keeps it a loop, so that it becomes vector code rather
/// than unrolled scalars.
#if defined(__clang__)
#define STRATA_VECTOR_LOOP _Pragma("clang loop vectorize(assume_safety)")
#else
#define STRATA_VECTOR_LOOP _Pragma("GCC unroll 1") _Pragma("GCC ivdep")
#endif

/// On a lambda, between its parameters and its body: it must inline into each instruction set.
#define STRATA_LAMBDA_INLINE __attribute__((always_inline))

namespace strata::kernels {

/// One CPU thread walks the whole row. f must not make element i depend on element j.
struct OneLane {
  template <class F>
  STRATA_ALWAYS_INLINE void for_each(int dim, F f) const {
    STRATA_VECTOR_LOOP
    for (int i = 0; i < dim; ++i) f(i);
  }

  /// Sixteen partial sums over i mod 16, folded as a tree; what is left joins at the level of its
  /// size (8, 4, then one by one). The same order for every vector width.
  template <class F>
  STRATA_ALWAYS_INLINE float sum(int dim, F f) const {
    // Vector types stay inside this function: passing them would depend on the instruction set.
    Sixteen sixteen = {};
    int i = 0;
    for (; i + 16 <= dim; i += 16) add_values(sixteen, f, i);
    Eight eight;
    fold(sixteen, eight, f, i, dim);
    Four four;
    fold(eight, four, f, i, dim);
    float out = (four[0] + four[2]) + (four[1] + four[3]);
    for (; i < dim; ++i) out += f(i);
    return out;
  }

 private:
  using Sixteen = float __attribute__((vector_size(64)));
  using Eight = float __attribute__((vector_size(32)));
  using Four = float __attribute__((vector_size(16)));

  /// half = the two halves of `whole` added, and the next values where enough are left.
  template <class Whole, class Half, class F>
  STRATA_ALWAYS_INLINE static void fold(const Whole& whole, Half& half, F f, int& i, int dim) {
    constexpr int kWidth = sizeof(Half) / sizeof(float);
    Half halves[2];
    std::memcpy(halves, &whole, sizeof halves);
    half = halves[0] + halves[1];
    if (i + kWidth > dim) return;
    add_values(half, f, i);
    i += kWidth;
  }

  /// parts += f(i), f(i + 1), …
  template <class V, class F>
  STRATA_ALWAYS_INLINE static void add_values(V& parts, F f, int i) {
    constexpr int kWidth = sizeof(V) / sizeof(float);
    float values[kWidth];
    STRATA_VECTOR_LOOP
    for (int j = 0; j < kWidth; ++j) values[j] = f(i + j);
    V more;
    std::memcpy(&more, values, sizeof more);
    parts += more;
  }
};

}  // namespace strata::kernels
