#include "kernels/batch_norm.h"

#include "base/isa.h"
#include "kernels/bfloat16.h"

namespace strata::kernels {
namespace {

template <class T>
struct Moments {
  struct Args {
    const Columns<const T>& x;
    double* mean;
    double* m2;
  };
  STRATA_ALWAYS_INLINE static void run(const Args& a) {
    const Columns<const T> x = a.x;
    double* __restrict mean = a.mean;
    double* __restrict m2 = a.m2;
    for (int64_t c = 0; c < x.cols; ++c) mean[c] = m2[c] = 0;
    for (int64_t r = 0; r < x.rows; ++r) {
      const T* __restrict row = x.data + r * x.stride;
      for (int64_t c = 0; c < x.cols; ++c) mean[c] += load_f32(row + c);
    }
    for (int64_t c = 0; c < x.cols; ++c) mean[c] /= static_cast<double>(x.rows);
    for (int64_t r = 0; r < x.rows; ++r) {
      const T* __restrict row = x.data + r * x.stride;
      for (int64_t c = 0; c < x.cols; ++c) {
        const double d = load_f32(row + c) - mean[c];
        m2[c] += d * d;
      }
    }
  }
};

template <class T>
struct Normalise {
  struct Args {
    const Normalisation& n;
    const Columns<const T>& x;
    const Columns<T>& y;
  };
  STRATA_ALWAYS_INLINE static void run(const Args& a) {
    const Normalisation n = a.n;
    for (int64_t r = 0; r < a.x.rows; ++r) {
      const T* __restrict x = a.x.data + r * a.x.stride;
      T* __restrict y = a.y.data + r * a.y.stride;
      for (int64_t c = 0; c < a.x.cols; ++c) {
        const float xhat = (load_f32(x + c) - n.mean[c]) * n.inverse_deviation[c];
        store_f32(y + c, activate(xhat * n.gamma[c] + n.beta[c], n.activation));
      }
    }
  }
};

template <class T>
struct Sums {
  struct Args {
    const Normalisation& n;
    const NormalisedGradient<T>& g;
    double* sum_dz;
    double* sum_dz_xhat;
  };
  STRATA_ALWAYS_INLINE static void run(const Args& a) {
    const Normalisation n = a.n;
    double* __restrict sum_dz = a.sum_dz;
    double* __restrict sum_dz_xhat = a.sum_dz_xhat;
    for (int64_t c = 0; c < a.g.x.cols; ++c) sum_dz[c] = sum_dz_xhat[c] = 0;
    for (int64_t r = 0; r < a.g.x.rows; ++r) {
      const T* __restrict x = a.g.x.data + r * a.g.x.stride;
      const T* __restrict y = a.g.y.data + r * a.g.y.stride;
      T* __restrict dy = a.g.dy.data + r * a.g.dy.stride;
      for (int64_t c = 0; c < a.g.x.cols; ++c) {
        const float dz = load_f32(dy + c) * slope(load_f32(y + c), n.activation);
        const float xhat = (load_f32(x + c) - n.mean[c]) * n.inverse_deviation[c];
        store_f32(dy + c, dz);
        sum_dz[c] += dz;
        sum_dz_xhat[c] += static_cast<double>(dz) * xhat;
      }
    }
  }
};

template <class T>
struct Backward {
  struct Args {
    const Normalisation& n;
    const NormalisedGradient<T>& g;
    const GradientMeans& means;
    const Columns<T>& dx;
    bool accumulate;
  };
  STRATA_ALWAYS_INLINE static void run(const Args& a) {
    const Normalisation n = a.n;
    const GradientMeans means = a.means;
    for (int64_t r = 0; r < a.g.x.rows; ++r) {
      const T* __restrict x = a.g.x.data + r * a.g.x.stride;
      const T* __restrict dz = a.g.dy.data + r * a.g.dy.stride;
      T* __restrict dx = a.dx.data + r * a.dx.stride;
      for (int64_t c = 0; c < a.g.x.cols; ++c) {
        const float xhat = (load_f32(x + c) - n.mean[c]) * n.inverse_deviation[c];
        const float centred = load_f32(dz + c) - means.dz[c] - xhat * means.dz_xhat[c];
        const float value = n.gamma[c] * n.inverse_deviation[c] * centred;
        store_f32(dx + c, a.accumulate ? load_f32(dx + c) + value : value);
      }
    }
  }
};

}  // namespace

void column_moments(const Columns<const float>& x, double* mean, double* m2) {
  isa::dispatch<Moments<float>>(Moments<float>::Args{x, mean, m2});
}
void column_moments(const Columns<const uint16_t>& x, double* mean, double* m2) {
  isa::dispatch<Moments<uint16_t>>(Moments<uint16_t>::Args{x, mean, m2});
}
void normalise(const Normalisation& n, const Columns<const float>& x, const Columns<float>& y) {
  isa::dispatch<Normalise<float>>(Normalise<float>::Args{n, x, y});
}
void normalise(const Normalisation& n, const Columns<const uint16_t>& x,
               const Columns<uint16_t>& y) {
  isa::dispatch<Normalise<uint16_t>>(Normalise<uint16_t>::Args{n, x, y});
}
void normalise_sums(const Normalisation& n, const NormalisedGradient<float>& g, double* sum_dz,
                    double* sum_dz_xhat) {
  isa::dispatch<Sums<float>>(Sums<float>::Args{n, g, sum_dz, sum_dz_xhat});
}
void normalise_sums(const Normalisation& n, const NormalisedGradient<uint16_t>& g, double* sum_dz,
                    double* sum_dz_xhat) {
  isa::dispatch<Sums<uint16_t>>(Sums<uint16_t>::Args{n, g, sum_dz, sum_dz_xhat});
}
void normalise_backward(const Normalisation& n, const NormalisedGradient<float>& g,
                        const GradientMeans& means, const Columns<float>& dx, bool accumulate) {
  isa::dispatch<Backward<float>>(Backward<float>::Args{n, g, means, dx, accumulate});
}
void normalise_backward(const Normalisation& n, const NormalisedGradient<uint16_t>& g,
                        const GradientMeans& means, const Columns<uint16_t>& dx, bool accumulate) {
  isa::dispatch<Backward<uint16_t>>(Backward<uint16_t>::Args{n, g, means, dx, accumulate});
}

}  // namespace strata::kernels
