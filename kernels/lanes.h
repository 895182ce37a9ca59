#pragma once
// Who walks the elements of one row. Optimizer formulas are written once against this concept:
//   lanes.for_each(dim, f)   f(i) for every element i, in no particular order
//   lanes.sum(dim, f)        sum of f(i), in an order that depends on dim only
// OneLane is the CPU: a plain loop the compiler vectorises. A warp has the same two members.

#include <cstdint>
#include <cstring>

#include "kernels/isa.h"

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
    STRATA_INDEPENDENT_LOOP
    for (int i = 0; i < dim; ++i) f(i);
  }

  /// Sixteen partial sums over i mod 16, folded as a tree: the same bits for every vector width,
  /// fused multiply-adds aside.
  template <class F>
  STRATA_ALWAYS_INLINE float sum(int dim, F f) const {
    if (dim == 1) return f(0);
    // Vector types stay inside this function: passing them would depend on the instruction set.
    Sixteen parts = {};
    for (int i = 0; i < dim; i += kParts) {
      float values[kParts] = {};
      const int count = dim - i < kParts ? dim - i : kParts;
      STRATA_VECTOR_LOOP
      for (int j = 0; j < count; ++j) values[j] = f(i + j);
      Sixteen more;
      std::memcpy(&more, values, sizeof more);
      parts += more;
    }
    Eight eight[2];
    std::memcpy(eight, &parts, sizeof parts);
    const Eight sum8 = eight[0] + eight[1];
    Four four[2];
    std::memcpy(four, &sum8, sizeof sum8);
    const Four sum4 = four[0] + four[1];
    return (sum4[0] + sum4[2]) + (sum4[1] + sum4[3]);
  }

 private:
  static constexpr int kParts = 16;
  using Sixteen = float __attribute__((vector_size(64)));
  using Eight = float __attribute__((vector_size(32)));
  using Four = float __attribute__((vector_size(16)));
};

}  // namespace strata::kernels
