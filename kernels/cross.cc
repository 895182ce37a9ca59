#include "kernels/cross.h"

#include "base/isa.h"
#include "kernels/bfloat16.h"

namespace strata::kernels {
namespace {

template <class T>
struct Forward {
  STRATA_ALWAYS_INLINE static void run(const CrossForward<T>& a) {
    for (int64_t r = 0; r < a.rows; ++r) {
      const float* __restrict x0 = a.x0 + r * a.x0_stride;
      const T* __restrict t = a.t + r * a.t_stride;
      const float* __restrict x = a.x + r * a.x_stride;
      float* __restrict out = a.out + r * a.out_stride;
      for (int64_t c = 0; c < a.cols; ++c) out[c] = x0[c] * load_f32(t + c) + x[c];
    }
  }
};

template <class T>
struct Backward {
  STRATA_ALWAYS_INLINE static void run(const CrossBackward<T>& a) {
    for (int64_t r = 0; r < a.rows; ++r) {
      const float* __restrict x0 = a.x0 + r * a.x0_stride;
      const T* __restrict t = a.t + r * a.t_stride;
      const float* __restrict dout = a.dout + r * a.dout_stride;
      T* __restrict dt = a.dt + r * a.dt_stride;
      for (int64_t c = 0; c < a.cols; ++c) store_f32(dt + c, dout[c] * x0[c]);
      if (a.dx0) {
        float* __restrict dx0 = a.dx0 + r * a.dx0_stride;
        for (int64_t c = 0; c < a.cols; ++c) {
          dx0[c] = (a.dx0_accumulate ? dx0[c] : 0.0f) + dout[c] * load_f32(t + c);
        }
      }
      if (a.dx) {
        float* __restrict dx = a.dx + r * a.dx_stride;
        for (int64_t c = 0; c < a.cols; ++c) dx[c] = (a.dx_accumulate ? dx[c] : 0.0f) + dout[c];
      }
    }
  }
};

}  // namespace

void cross_forward(const CrossForward<float>& args) { isa::dispatch<Forward<float>>(args); }
void cross_forward(const CrossForward<uint16_t>& args) { isa::dispatch<Forward<uint16_t>>(args); }
void cross_backward(const CrossBackward<float>& args) { isa::dispatch<Backward<float>>(args); }
void cross_backward(const CrossBackward<uint16_t>& args) {
  isa::dispatch<Backward<uint16_t>>(args);
}

}  // namespace strata::kernels
