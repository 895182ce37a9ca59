#pragma once
// Matrix product in plain loops: for builds without oneDNN and under ThreadSanitizer, and the
// second opinion in Gemm's tests.

#include "base/buffer.h"
#include "kernels/gemm.h"

namespace strata::kernels {

/// GemmShape's product; `row` is scratch memory that grows to n. Deterministic; one thread.
void gemm_plain(const GemmShape& shape, const GemmOperands& operands, AlignedVector<float>& row);

}  // namespace strata::kernels
