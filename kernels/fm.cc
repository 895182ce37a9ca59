#include "kernels/fm.h"

#include "base/isa.h"
#include "kernels/lanes.h"

namespace strata::kernels {
namespace {

struct Forward {
  struct Args {
    const FmShape& shape;
    const float* x;
    float* y;
    int64_t y_stride;
    FmSums sums;
  };
  STRATA_ALWAYS_INLINE static void run(const Args& a) {
    const FmShape s = a.shape;
    for (int64_t r = 0; r < s.rows; ++r) {
      const float* __restrict x = a.x + r * s.x_stride;
      float* __restrict sums = a.sums.data + r * a.sums.stride;
      for (int d = 0; d < s.dim; ++d) sums[d] = 0;
      for (int v = 0; v < s.count; ++v) {
        for (int d = 0; d < s.dim; ++d) sums[d] += x[v * s.dim + d];
      }
      const OneLane lanes;
      const float square_of_sum =
          lanes.sum(s.dim, [=](int d) STRATA_LAMBDA_INLINE { return sums[d] * sums[d]; });
      const float sum_of_squares =
          lanes.sum(s.count * s.dim, [=](int i) STRATA_LAMBDA_INLINE { return x[i] * x[i]; });
      a.y[r * a.y_stride] = 0.5f * (square_of_sum - sum_of_squares);
    }
  }
};

struct Backward {
  struct Args {
    const FmShape& shape;
    const float* x;
    FmSums sums;
    const FmGradient& gradient;
  };
  STRATA_ALWAYS_INLINE static void run(const Args& a) {
    const FmShape s = a.shape;
    const FmGradient g = a.gradient;
    for (int64_t r = 0; r < s.rows; ++r) {
      const float* __restrict x = a.x + r * s.x_stride;
      const float* __restrict sums = a.sums.data + r * a.sums.stride;
      float* __restrict dx = g.dx + r * g.dx_stride;
      const float dy = g.dy[r * g.dy_stride];
      for (int v = 0; v < s.count; ++v) {
        for (int d = 0; d < s.dim; ++d) {
          const int i = v * s.dim + d;
          dx[i] = (g.accumulate ? dx[i] : 0.0f) + dy * (sums[d] - x[i]);
        }
      }
    }
  }
};

}  // namespace

void fm_forward(const FmShape& shape, const float* x, float* y, int64_t y_stride, FmSums sums) {
  isa::dispatch<Forward>(Forward::Args{shape, x, y, y_stride, sums});
}

void fm_backward(const FmShape& shape, const float* x, FmSums sums, const FmGradient& gradient) {
  isa::dispatch<Backward>(Backward::Args{shape, x, sums, gradient});
}

}  // namespace strata::kernels
