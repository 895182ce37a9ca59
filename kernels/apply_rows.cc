// Row updates on the CPU. Per row: prefetch a few rows ahead, widen narrow weights into a scratch
// row, apply decoupled decay, run the formula, store. fp32 rows of common widths get a body with
// the width as a constant; everything else runs a body with the width as a variable.

#include "kernels/apply_rows.h"

#include <algorithm>
#include <vector>

#include "base/buffer.h"
#include "base/check.h"
#include "base/isa.h"
#include "kernels/convert.h"

namespace strata::kernels {
namespace {

constexpr int kPrefetchRows = 8;     // ahead; covers DRAM latency at about 10 ns a row
constexpr int kPrefetchBytes = 512;  // of one row; the hardware prefetcher takes over beyond

/// What an update sees as g[i]: the loss gradient, scaled, plus the pull of L2.
struct LossGradient {
  const float* g;
  const float* w;
  float scale;
  float l2;
  STRATA_ALWAYS_INLINE float operator[](int i) const { return scale * g[i] + l2 * w[i]; }
};

/// The gradient of a step that did not touch the row.
struct NoGradient {
  const float* w;
  float l2;
  STRATA_ALWAYS_INLINE float operator[](int i) const { return l2 * w[i]; }
};

struct CommonStep {
  float l2;
  float keep;
};

STRATA_ALWAYS_INLINE void decay(float* w, int dim, float keep) {
  if (keep == 1) return;
  STRATA_INDEPENDENT_LOOP
  for (int i = 0; i < dim; ++i) w[i] *= keep;
}

STRATA_ALWAYS_INLINE void prefetch_row(const ApplyRows& args, int64_t slot) {
  if (slot < 0) return;
  const std::byte* row = args.rows.row(slot);
  const int bytes = std::min(args.rows.row_bytes, kPrefetchBytes);
  for (int offset = 0; offset < bytes; offset += 64) __builtin_prefetch(row + offset, 1);
  __builtin_prefetch(row + bytes - 1, 1);
}

STRATA_ALWAYS_INLINE void write_stamp(std::byte* row, const RowLayout& layout, uint32_t step) {
  std::memcpy(row + layout.stamp_offset(), &step, sizeof step);
}

STRATA_ALWAYS_INLINE uint32_t read_stamp(const std::byte* row, const RowLayout& layout) {
  uint32_t stamp;
  std::memcpy(&stamp, row + layout.stamp_offset(), sizeof stamp);
  return stamp;
}

// ---- rows of a table --------------------------------------------------------------------------

template <class Opt>
struct ApplyArgs {
  Opt optimizer;
  CommonStep common;
  const ApplyRows& call;
  float* scratch;  // [D] for narrow weights
};

/// kDim == 0: the width is a variable.
template <class Opt, DType kDType, int kDim>
struct ApplyKernel {
  STRATA_ALWAYS_INLINE static void run(const ApplyArgs<Opt>& args) {
    const ApplyRows& call = args.call;
    const int dim = kDim > 0 ? kDim : call.layout.dim;
    const Opt optimizer = args.optimizer;
    const CommonStep common = args.common;
    const float scale = call.scale;
    const int state_offset = call.layout.state_offset();
    const auto count = static_cast<int64_t>(call.slots.size());
    for (int64_t u = 0; u < count; ++u) {
      if (u + kPrefetchRows < count) prefetch_row(call, call.slots[u + kPrefetchRows]);
      const int64_t slot = call.slots[u];
      if (slot < 0) continue;
      std::byte* row = call.rows.row(slot);
      auto* state = reinterpret_cast<float*>(row + state_offset);
      float* w = kDType == DType::kF32 ? reinterpret_cast<float*>(row) : args.scratch;
      if constexpr (kDType != DType::kF32) load_weights<kDType>(row, dim, w);
      decay(w, dim, common.keep);
      const LossGradient gradient{call.grads + u * dim, w, scale, common.l2};
      optimizer.update(w, state, gradient, dim, OneLane{});
      if constexpr (kDType != DType::kF32) {
        store_weights_stochastic<kDType>(w, dim,
                                         rounding_random(call.seed, call.step, call.keys[u]), row);
      }
      write_stamp(row, call.layout, call.step);
    }
  }
};

template <class Opt>
void apply_f32(const ApplyArgs<Opt>& args) {
  switch (args.call.layout.dim) {
    case 1:
      return isa::dispatch<ApplyKernel<Opt, DType::kF32, 1>>(args);
    case 8:
      return isa::dispatch<ApplyKernel<Opt, DType::kF32, 8>>(args);
    case 10:
      return isa::dispatch<ApplyKernel<Opt, DType::kF32, 10>>(args);
    case 16:
      return isa::dispatch<ApplyKernel<Opt, DType::kF32, 16>>(args);
    case 32:
      return isa::dispatch<ApplyKernel<Opt, DType::kF32, 32>>(args);
    case 64:
      return isa::dispatch<ApplyKernel<Opt, DType::kF32, 64>>(args);
    case 128:
      return isa::dispatch<ApplyKernel<Opt, DType::kF32, 128>>(args);
    default:
      return isa::dispatch<ApplyKernel<Opt, DType::kF32, 0>>(args);
  }
}

// ---- rows of a dense tensor -------------------------------------------------------------------

template <class Opt>
struct DenseArgs {
  Opt optimizer;
  CommonStep common;
  const ApplyDense& call;
};

template <class Opt>
struct DenseKernel {
  STRATA_ALWAYS_INLINE static void run(const DenseArgs<Opt>& args) {
    const ApplyDense& call = args.call;
    const Opt optimizer = args.optimizer;
    const int dim = call.dim;
    const int64_t state_floats = Opt::state_floats(dim);
    for (int64_t r = 0; r < call.rows; ++r) {
      float* w = call.weights + r * dim;
      decay(w, dim, args.common.keep);
      const LossGradient gradient{call.grads + r * dim, w, call.scale, args.common.l2};
      optimizer.update(w, call.state + r * state_floats, gradient, dim, OneLane{});
    }
  }
};

// ---- missed steps -----------------------------------------------------------------------------

template <class Opt>
struct MissedStep {
  Opt optimizer;
  CommonStep common;
};

template <class Opt>
struct ReplayArgs {
  const CatchUpRows& call;
  std::span<const MissedStep<Opt>> steps;  // of steps first_step …
  uint32_t first_step;
  float* out;      // [U, D], or null: rows are written
  float* scratch;  // [state_floats] when out is set
};

template <class Opt>
struct ReplayKernel {
  STRATA_ALWAYS_INLINE static void run(const ReplayArgs<Opt>& args) {
    const CatchUpRows& call = args.call;
    const int dim = call.layout.dim;
    const int state_floats = call.layout.state_floats;
    for (size_t u = 0; u < call.slots.size(); ++u) {
      if (call.slots[u] < 0) continue;
      std::byte* row = call.rows.row(call.slots[u]);
      auto* w = reinterpret_cast<float*>(row);
      auto* state = reinterpret_cast<float*>(row + call.layout.state_offset());
      const uint32_t stamp = read_stamp(row, call.layout);
      if (args.out) {
        float* copy = args.out + static_cast<int64_t>(u) * dim;
        std::copy_n(w, dim, copy);
        std::copy_n(state, state_floats, args.scratch);
        w = copy;
        state = args.scratch;
      }
      for (uint32_t step = stamp + 1; step <= call.step; ++step) {
        const MissedStep<Opt>& missed = args.steps[step - args.first_step];
        decay(w, dim, missed.common.keep);
        missed.optimizer.update(w, state, NoGradient{w, missed.common.l2}, dim, OneLane{});
      }
      if (!args.out && stamp < call.step) write_stamp(row, call.layout, call.step);
    }
  }
};

uint32_t oldest_stamp(const CatchUpRows& args) {
  uint32_t oldest = args.step;
  for (const int64_t slot : args.slots) {
    if (slot >= 0) oldest = std::min(oldest, read_stamp(args.rows.row(slot), args.layout));
  }
  return oldest;
}

void check_layout(const OptimizerConfig& config, const CatchUpRows& args) {
  STRATA_CHECK(args.layout.dtype == DType::kF32, "exact mode needs fp32 rows");
  STRATA_CHECK(args.layout.state_floats == config.state_floats(args.layout.dim), "row layout",
               args.layout.state_floats);
  STRATA_CHECK(args.rates.size() >= args.step, "rates of every step so far", args.rates.size(),
               args.step);
}

/// Replays into the rows (out null) or into out.
void replay(const OptimizerConfig& config, const CatchUpRows& args, float* out) {
  check_layout(config, args);
  const uint32_t oldest = oldest_stamp(args);
  if (oldest >= args.step && !out) return;
  std::visit(
      [&]<class Opt>(const Opt& algorithm) {
        std::vector<MissedStep<Opt>> steps;
        steps.reserve(args.step - oldest);
        for (uint32_t step = oldest + 1; step <= args.step; ++step) {
          const float rate = args.rates[step - 1];
          steps.push_back({algorithm.at_step(step, rate),
                           {.l2 = config.l2, .keep = 1 - rate * config.weight_decay}});
        }
        AlignedVector<float> scratch(out ? args.layout.state_floats : 0);
        isa::dispatch<ReplayKernel<Opt>>(ReplayArgs<Opt>{.call = args,
                                                         .steps = steps,
                                                         .first_step = oldest + 1,
                                                         .out = out,
                                                         .scratch = scratch.data()});
      },
      config.algorithm);
}

}  // namespace

void apply_rows(const OptimizerStep& optimizer, const ApplyRows& args) {
  if (args.slots.empty()) return;
  const DType dtype = args.layout.dtype;
  STRATA_CHECK(dtype == DType::kF32 || args.keys, "narrow rows are rounded by key");
  std::visit(
      [&]<class Opt>(const Opt& algorithm) {
        STRATA_CHECK(args.layout.state_floats == Opt::state_floats(args.layout.dim), "row layout",
                     args.layout.state_floats);
        AlignedVector<float> scratch(dtype == DType::kF32 ? 0 : args.layout.dim);
        const ApplyArgs<Opt> call{.optimizer = algorithm,
                                  .common = {.l2 = optimizer.l2, .keep = optimizer.keep},
                                  .call = args,
                                  .scratch = scratch.data()};
        switch (dtype) {
          case DType::kF32:
            return apply_f32<Opt>(call);
          case DType::kBf16:
            return isa::dispatch<ApplyKernel<Opt, DType::kBf16, 0>>(call);
          case DType::kF16:
            return isa::dispatch<ApplyKernel<Opt, DType::kF16, 0>>(call);
        }
      },
      optimizer.algorithm);
}

void apply_dense(const OptimizerStep& optimizer, const ApplyDense& args) {
  if (args.rows == 0 || args.dim == 0) return;
  std::visit(
      [&]<class Opt>(const Opt& algorithm) {
        STRATA_CHECK(args.state || Opt::state_floats(args.dim) == 0, "state of", Opt::kName);
        isa::dispatch<DenseKernel<Opt>>(
            DenseArgs<Opt>{.optimizer = algorithm,
                           .common = {.l2 = optimizer.l2, .keep = optimizer.keep},
                           .call = args});
      },
      optimizer.algorithm);
}

void catch_up_rows(const OptimizerConfig& config, const CatchUpRows& args) {
  if (config.needs_catch_up()) replay(config, args, nullptr);
}

void read_caught_up_rows(const OptimizerConfig& config, const CatchUpRows& args, float* out) {
  if (config.needs_catch_up()) return replay(config, args, out);
  const int dim = args.layout.dim;
  for (size_t u = 0; u < args.slots.size(); ++u) {
    if (args.slots[u] < 0) continue;
    widen(args.layout.dtype, args.rows.row(args.slots[u]), dim,
          out + static_cast<int64_t>(u) * dim);
  }
}

}  // namespace strata::kernels
