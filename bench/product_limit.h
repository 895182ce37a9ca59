#pragma once
// What this machine's matrix product library reaches at best, now: the limit that training steps
// are measured against.

#include <algorithm>
#include <chrono>
#include <vector>

#include "base/buffer.h"
#include "base/thread_pool.h"
#include "dense/dense_config.h"
#include "kernels/gemm.h"

namespace strata::bench {

/// FLOP/s of products 1024 x 1024 x 1024, one on each thread of `pool`: the best of ten rounds.
inline double product_flops(dense::Precision precision, ThreadPool& pool) {
  constexpr int64_t kSide = 1024;
  constexpr int kRounds = 10;
  constexpr int kProducts = 4;  // a round
  const bool bf16 = precision == dense::Precision::kBf16;
  const kernels::DType input = bf16 ? kernels::DType::kBf16 : kernels::DType::kF32;
  const kernels::GemmShape shape{.m = kSide,
                                 .n = kSide,
                                 .k = kSide,
                                 .a_stride = kSide,
                                 .b_stride = kSide,
                                 .c_stride = kSide,
                                 .input = input};
  struct Side {
    kernels::Gemm gemm;
    AlignedVector<float> a, b, c;
  };
  std::vector<Side> sides(pool.threads());
  for (Side& side : sides) {
    for (auto* matrix : {&side.a, &side.b, &side.c}) matrix->resize(kSide * kSide);
  }
  double best = 0;
  for (int round = 0; round < kRounds; ++round) {
    const auto start = std::chrono::steady_clock::now();
    pool.parallel_for(static_cast<int64_t>(sides.size()), [&](int64_t i, int /*thread*/) {
      Side& side = sides[i];
      for (int p = 0; p < kProducts; ++p) {
        side.gemm.run(shape, {.a = side.a.data(), .b = side.b.data(), .c = side.c.data()});
      }
    });
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
    const double work = 2.0 * kSide * kSide * kSide * kProducts * static_cast<double>(sides.size());
    best = std::max(best, work / elapsed.count());
  }
  return best;
}

}  // namespace strata::bench
