#include "kernels/linear.h"

#include "base/isa.h"
#include "kernels/bfloat16.h"

namespace strata::kernels {
namespace {

template <Activation kActivation, class Y, class Dz>
struct ActivationGradientKernel {
  // Columns go in blocks whose sums stay in registers; rows of a block in order.
  static constexpr int kBlock = 64;

  template <bool kBias>
  STRATA_ALWAYS_INLINE static void columns(const ActivationGradient<Y, Dz>& a, int64_t first,
                                           int count) {
    float sums[kBlock] = {};
    for (int64_t r = 0; r < a.rows; ++r) {
      const Y* y = a.y + r * a.y_stride + first;
      const Y* dy = a.dy + r * a.dy_stride + first;
      Dz* dz = a.dz + r * a.dz_stride + first;
#pragma GCC ivdep
      for (int c = 0; c < count; ++c) {
        const float v = load_f32(dy + c) * slope(load_f32(y + c), kActivation);
        store_f32(dz + c, v);
        if constexpr (kBias) sums[c] += v;
      }
    }
    if constexpr (kBias) {
      for (int c = 0; c < count; ++c) a.bias_gradient[first + c] = sums[c];
    }
  }

  STRATA_ALWAYS_INLINE static void run(const ActivationGradient<Y, Dz>& a) {
    int64_t first = 0;
    for (; first + kBlock <= a.cols; first += kBlock) {
      a.bias_gradient ? columns<true>(a, first, kBlock) : columns<false>(a, first, kBlock);
    }
    const int rest = static_cast<int>(a.cols - first);
    if (rest == 0) return;
    a.bias_gradient ? columns<true>(a, first, rest) : columns<false>(a, first, rest);
  }
};

template <class Y, class Dz>
void dispatch_gradient(const ActivationGradient<Y, Dz>& args, Activation activation) {
  switch (activation) {
    case Activation::kRelu:
      return isa::dispatch<ActivationGradientKernel<Activation::kRelu, Y, Dz>>(args);
    case Activation::kSigmoid:
      return isa::dispatch<ActivationGradientKernel<Activation::kSigmoid, Y, Dz>>(args);
    case Activation::kIdentity:
      return isa::dispatch<ActivationGradientKernel<Activation::kIdentity, Y, Dz>>(args);
  }
}

template <class X>
struct ForwardArgs {
  const SingleOutput<X>& in;
  const float* bias;
  Activation activation;
  float* y;
  int64_t y_stride;
};

template <class X>
struct SingleOutputForward {
  static constexpr int kLanes = 16;

  STRATA_ALWAYS_INLINE static float dot(const X* x, const float* w, int64_t n) {
    float part[kLanes] = {};
    int64_t i = 0;
    for (; i + kLanes <= n; i += kLanes) {
      for (int j = 0; j < kLanes; ++j) part[j] += load_f32(x + i + j) * w[i + j];
    }
    for (int j = 0; i + j < n; ++j) part[j] += load_f32(x + i + j) * w[i + j];
    for (int width = kLanes / 2; width > 0; width /= 2) {
      for (int j = 0; j < width; ++j) part[j] += part[j + width];
    }
    return part[0];
  }

  STRATA_ALWAYS_INLINE static void run(const ForwardArgs<X>& a) {
    const float bias = a.bias ? *a.bias : 0.0f;
    for (int64_t r = 0; r < a.in.rows; ++r) {
      const float z = bias + dot(a.in.x + r * a.in.x_stride, a.in.w, a.in.cols);
      a.y[r * a.y_stride] = activate(z, a.activation);
    }
  }
};

template <class X>
struct BackwardArgs {
  const SingleOutput<X>& in;
  Activation activation;
  const SingleOutputGradient<X>& out;
};

template <class X>
struct SingleOutputBackward {
  STRATA_ALWAYS_INLINE static void add_weights(const X* __restrict x, float dz,
                                               float* __restrict dw, int64_t n) {
    for (int64_t c = 0; c < n; ++c) dw[c] += dz * load_f32(x + c);
  }
  template <bool kAccumulate>
  STRATA_ALWAYS_INLINE static void write_input(const float* __restrict w, float dz,
                                               X* __restrict dx, int64_t n) {
    for (int64_t c = 0; c < n; ++c) {
      store_f32(dx + c, (kAccumulate ? load_f32(dx + c) : 0.0f) + dz * w[c]);
    }
  }

  STRATA_ALWAYS_INLINE static void run(const BackwardArgs<X>& a) {
    const SingleOutputGradient<X>& out = a.out;
    for (int64_t c = 0; c < a.in.cols; ++c) out.dw[c] = 0;
    float bias = 0;
    for (int64_t r = 0; r < a.in.rows; ++r) {
      const float dz = out.dy[r * out.dy_stride] * slope(out.y[r * out.y_stride], a.activation);
      bias += dz;
      add_weights(a.in.x + r * a.in.x_stride, dz, out.dw, a.in.cols);
      if (!out.dx) continue;
      X* dx = out.dx + r * out.dx_stride;
      out.accumulate ? write_input<true>(a.in.w, dz, dx, a.in.cols)
                     : write_input<false>(a.in.w, dz, dx, a.in.cols);
    }
    if (out.dbias) *out.dbias = bias;
  }
};

}  // namespace

void activation_gradient(const ActivationGradient<float, float>& args, Activation activation) {
  dispatch_gradient(args, activation);
}
void activation_gradient(const ActivationGradient<float, uint16_t>& args, Activation activation) {
  dispatch_gradient(args, activation);
}
void activation_gradient(const ActivationGradient<uint16_t, uint16_t>& args,
                         Activation activation) {
  dispatch_gradient(args, activation);
}

void single_output_forward(const SingleOutput<float>& in, const float* bias, Activation activation,
                           float* y, int64_t y_stride) {
  isa::dispatch<SingleOutputForward<float>>(ForwardArgs<float>{in, bias, activation, y, y_stride});
}
void single_output_forward(const SingleOutput<uint16_t>& in, const float* bias,
                           Activation activation, float* y, int64_t y_stride) {
  isa::dispatch<SingleOutputForward<uint16_t>>(
      ForwardArgs<uint16_t>{in, bias, activation, y, y_stride});
}
void single_output_backward(const SingleOutput<float>& in, Activation activation,
                            const SingleOutputGradient<float>& out) {
  isa::dispatch<SingleOutputBackward<float>>(BackwardArgs<float>{in, activation, out});
}
void single_output_backward(const SingleOutput<uint16_t>& in, Activation activation,
                            const SingleOutputGradient<uint16_t>& out) {
  isa::dispatch<SingleOutputBackward<uint16_t>>(BackwardArgs<uint16_t>{in, activation, out});
}

}  // namespace strata::kernels
