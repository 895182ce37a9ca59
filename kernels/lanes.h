#pragma once
// Who walks the elements of one row. Optimizer formulas are written once against this concept:
//   lanes.for_each(dim, f)   f(i) for every element i, in no particular order
//   lanes.sum(dim, f)        sum of f(i), in an order that depends on dim only
// OneLane is the CPU: a plain loop the compiler vectorises. A warp has the same two members.

#include <cstdint>

#include "kernels/isa.h"

/// Before a loop whose iterations are independent, whatever the pointers may look like.
#if defined(__clang__)
#define STRATA_INDEPENDENT_LOOP _Pragma("clang loop vectorize(assume_safety)")
#else
#define STRATA_INDEPENDENT_LOOP _Pragma("GCC ivdep")
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
    float part[kParts] = {};
    int i = 0;
    for (; i + kParts <= dim; i += kParts) {
      for (int j = 0; j < kParts; ++j) part[j] += f(i + j);
    }
    for (int j = 0; i + j < dim; ++j) part[j] += f(i + j);
    for (int width = kParts / 2; width > 0; width /= 2) {
      for (int j = 0; j < width; ++j) part[j] += part[j + width];
    }
    return part[0];
  }

 private:
  static constexpr int kParts = 16;
};

}  // namespace strata::kernels
