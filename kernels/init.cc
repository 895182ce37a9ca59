#include "kernels/init.h"

#include <bit>
#include <cmath>
#include <cstring>

#include "base/buffer.h"
#include "base/check.h"
#include "base/isa.h"
#include "kernels/convert.h"
#include "kernels/lanes.h"

namespace strata::kernels {
namespace {

/// Uniform in [0, 1), 24 bits.
STRATA_ALWAYS_INLINE float unit(CounterRng random, int64_t i) {
  const uint64_t bits = random.bits(static_cast<uint64_t>(i));
  return static_cast<float>(static_cast<int32_t>(bits >> 40)) * 0x1p-24f;
}

/// log(x) for normal positive x, to about 2 ulp; plain arithmetic, so that loops vectorise.
/// Source: Cephes logf (S. Moshier).
STRATA_ALWAYS_INLINE float fast_log(float x) {
  const uint32_t bits = std::bit_cast<uint32_t>(x);
  const bool low = (bits & 0x7fffff) < 0x3504f3;  // mantissa below sqrt(2)
  const auto exponent = static_cast<float>(static_cast<int32_t>(bits >> 23) - (low ? 127 : 126));
  const uint32_t mantissa = (bits & 0x7fffff) | (low ? 0x3f800000u : 0x3f000000u);
  const float f = std::bit_cast<float>(mantissa) - 1.0f;
  const float z = f * f;
  float p = 7.0376836292e-2f;
  p = p * f - 1.1514610310e-1f;
  p = p * f + 1.1676998740e-1f;
  p = p * f - 1.2420140846e-1f;
  p = p * f + 1.4249322787e-1f;
  p = p * f - 1.6668057665e-1f;
  p = p * f + 2.0000714765e-1f;
  p = p * f - 2.4999993993e-1f;
  p = p * f + 3.3333331174e-1f;
  float tail = p * f * z - 2.12194440e-4f * exponent;
  tail -= 0.5f * z;
  return f + tail + 0.693359375f * exponent;
}

/// Inverse error function on (-1, 1), relative error below 1e-5.
/// Source: M. Giles, "Approximating the erfinv function" (GPU Computing Gems, 2011).
STRATA_ALWAYS_INLINE float inverse_erf(float x) {
  const float w = -fast_log((1.0f - x) * (1.0f + x));
  const float c = w - 2.5f;
  float near = 2.81022636e-08f;
  near = near * c + 3.43273939e-07f;
  near = near * c - 3.5233877e-06f;
  near = near * c - 4.39150654e-06f;
  near = near * c + 0.00021858087f;
  near = near * c - 0.00125372503f;
  near = near * c - 0.00417768164f;
  near = near * c + 0.246640727f;
  near = near * c + 1.50140941f;
  const float t = std::sqrt(w) - 3.0f;
  float far = -0.000200214257f;
  far = far * t + 0.000100950558f;
  far = far * t + 0.00134934322f;
  far = far * t - 0.00367342844f;
  far = far * t + 0.00573950773f;
  far = far * t - 0.0076224613f;
  far = far * t + 0.00943887047f;
  far = far * t + 1.00167406f;
  far = far * t + 2.83297682f;
  return x * (w < 5.0f ? near : far);
}

/// Standard normal, cut where the uniform variable is scaled down to +-reach.
STRATA_ALWAYS_INLINE float gaussian(CounterRng random, int64_t i, float reach) {
  // Centred in its cell, so that +-1 itself never occurs.
  const float u = 2.0f * unit(random, i) - 1.0f + 0x1p-24f;
  return 1.41421356f * inverse_erf(reach * u);
}

constexpr float kWithinTwoSigma = 0.954499736f;  // erf(2 / sqrt(2))

/// One shape for all distributions: out = offset + scale * base(i).
enum class Base { kConstant, kUniform, kNormal, kTruncatedNormal };

struct Recipe {
  Base base;
  float offset;
  float scale;
};

struct RecipeArgs {
  CounterRng random;
  Recipe recipe;
  int64_t n;
  float* out;
};

template <Base kBase>
struct FillKernel {
  STRATA_ALWAYS_INLINE static void run(const RecipeArgs& args) {
    const CounterRng random = args.random;
    const float offset = args.recipe.offset;
    const float scale = args.recipe.scale;
    float* out = args.out;
    for (int64_t i = 0; i < args.n; ++i) {
      if constexpr (kBase == Base::kConstant) out[i] = offset;
      if constexpr (kBase == Base::kUniform) out[i] = offset + scale * unit(random, i);
      if constexpr (kBase == Base::kNormal) out[i] = offset + scale * gaussian(random, i, 1.0f);
      if constexpr (kBase == Base::kTruncatedNormal) {
        out[i] = offset + scale * gaussian(random, i, kWithinTwoSigma);
      }
    }
  }
};

Recipe recipe_of(const ConstantInit& init, int) { return {Base::kConstant, init.value, 0}; }
Recipe recipe_of(const UniformInit& init, int) {
  return {Base::kUniform, init.low, init.high - init.low};
}
Recipe recipe_of(const NormalInit& init, int) { return {Base::kNormal, init.mean, init.std}; }
Recipe recipe_of(const TruncatedNormalInit& init, int) {
  return {Base::kTruncatedNormal, init.mean, init.std};
}
Recipe recipe_of(const ScaledUniformInit& init, int dim) {
  const float bound = init.gain / std::sqrt(static_cast<float>(dim));
  return {Base::kUniform, -bound, 2 * bound};
}

Recipe recipe_of(const InitConfig& config, int dim) {
  return std::visit([dim](const auto& init) { return recipe_of(init, dim); }, config.algorithm);
}

void fill(const RecipeArgs& args) {
  switch (args.recipe.base) {
    case Base::kConstant:
      return isa::dispatch<FillKernel<Base::kConstant>>(args);
    case Base::kUniform:
      return isa::dispatch<FillKernel<Base::kUniform>>(args);
    case Base::kNormal:
      return isa::dispatch<FillKernel<Base::kNormal>>(args);
    case Base::kTruncatedNormal:
      return isa::dispatch<FillKernel<Base::kTruncatedNormal>>(args);
  }
}

}  // namespace

void init_weights(const InitConfig& config, CounterRng random, int dim, std::span<float> out) {
  fill({random, recipe_of(config, dim), static_cast<int64_t>(out.size()), out.data()});
}

void init_rows(const InitConfig& config, const OptimizerConfig& optimizer, const InitRows& args) {
  const RowLayout& layout = args.layout;
  const int dim = layout.dim;
  STRATA_CHECK(layout.state_floats == optimizer.state_floats(dim), "row layout",
               layout.state_floats);
  const Recipe recipe = recipe_of(config, dim);
  AlignedVector<float> weights(dim);
  for (size_t c = 0; c < args.slots.size(); ++c) {
    if (args.slots[c] < 0) continue;
    std::byte* row = args.rows.row(args.slots[c]);
    fill({init_random(args.seed, args.table_salt, args.keys[c]), recipe, dim, weights.data()});
    std::memset(row, 0, static_cast<size_t>(layout.row_bytes()));
    narrow(layout.dtype, weights.data(), dim, row);
    widen(layout.dtype, row, dim, weights.data());  // the state starts from the stored weights
    optimizer.init_state(weights.data(), reinterpret_cast<float*>(row + layout.state_offset()),
                         dim);
    std::memcpy(row + layout.stamp_offset(), &args.stamp, sizeof args.stamp);
  }
}

}  // namespace strata::kernels
