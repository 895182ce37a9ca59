#pragma once
// Optimizer updates in place: rows of a table, rows of a dense tensor, and the steps that untouched
// rows have missed. One formula for all three (kernels/optimizers/).

#include <cstdint>
#include <span>

#include "kernels/optimizer_config.h"
#include "kernels/rows.h"

namespace strata::kernels {

/// One update of U rows of a table of width D.
struct ApplyRows {
  RowsRef rows;
  RowLayout layout;                // state_floats == the optimizer's
  std::span<const int64_t> slots;  // [U]; distinct; negative (no row) is skipped
  const float* grads = nullptr;    // [U, D] fp32, row-major
  float scale = 1;                 // gradients are multiplied by it first (clipping)
  uint32_t step = 0;               // written as the stamp; counter of the rounding
  uint64_t seed = 0;               // of the rounding
  const uint64_t* keys = nullptr;  // [U] h, counter of the rounding; needed unless dtype is fp32
};

/// Updates weights and state of every slot once and stamps it. Weights narrower than fp32 are
/// widened, updated and rounded stochastically by the counter (seed, step, key, element).
/// Threads may share a table when their slots are disjoint. Deterministic: a row's result depends
/// on that row, its gradient and the step only.
/// `step` of optimizer.at_step must be args.step where the formula counts steps (Adam).
/// Moves about U * (2 * row_bytes + 4 * D) bytes. Rows are prefetched ahead.
void apply_rows(const OptimizerStep& optimizer, const ApplyRows& args);

/// One update of a dense tensor: `rows` contiguous rows of width `dim`, state beside it.
struct ApplyDense {
  float* weights = nullptr;      // [rows, dim]
  float* state = nullptr;        // [rows, state_floats(dim)]; may be null when that is 0
  const float* grads = nullptr;  // [rows, dim]
  int64_t rows = 0;
  int dim = 0;
  float scale = 1;
};

/// The same formula on a dense tensor. Threads may split the rows by moving the pointers.
void apply_dense(const OptimizerStep& optimizer, const ApplyDense& args);

/// Which rows to bring up to date, and the recorded rates to do it with.
struct CatchUpRows {
  RowsRef rows;
  RowLayout layout;                // dtype fp32
  std::span<const int64_t> slots;  // [U]; distinct; negative (no row) is skipped
  uint32_t step = 0;               // rows are brought to the end of this step
  std::span<const float> rates;    // rates[k]: learning rate of step k + 1; at least `step` of them
};

/// Exact mode: replays steps stamp + 1 … step with a zero gradient (so L2, decay and momentum act
/// as in the dense optimizer) on every row whose stamp is before `step`, and stamps it `step`.
/// Called with step = now - 1 before the forward pass reads rows that a training batch touches.
/// Does nothing unless config.needs_catch_up(). Same threading and determinism as apply_rows; costs
/// one update per row and missed step.
void catch_up_rows(const OptimizerConfig& config, const CatchUpRows& args);

/// The weights the rows would have at the end of `step`, without touching them: out [U, D] fp32.
/// For evaluation and export. Rows without a slot leave their part of `out` as it is. Thread-safe
/// against other readers. Where no catch-up is needed this is a gather, for any dtype.
void read_caught_up_rows(const OptimizerConfig& config, const CatchUpRows& args, float* out);

}  // namespace strata::kernels
