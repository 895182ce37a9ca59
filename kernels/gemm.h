#pragma once
// Matrix products by one thread: oneDNN where it is built in, plain loops otherwise.

#include <compare>
#include <cstdint>
#include <memory>

#include "kernels/activation.h"
#include "kernels/rows.h"

namespace strata::kernels {

/// C [m, n] = act(op(A) op(B) + bias), or C += op(A) op(B) with `accumulate`. All row-major with
/// row strides in elements. A is stored [m, k], or [k, m] with transpose_a; B is stored [k, n], or
/// [n, k] with transpose_b. A and B are `input`, C is `output`, sums are formed in fp32. kF16 is
/// not accepted. bias [n] is fp32; bias and activation do not go with accumulate.
struct GemmShape {
  int64_t m = 0;
  int64_t n = 0;
  int64_t k = 0;
  bool transpose_a = false;
  bool transpose_b = false;
  int64_t a_stride = 0;
  int64_t b_stride = 0;
  int64_t c_stride = 0;
  DType input = DType::kF32;
  DType output = DType::kF32;
  bool accumulate = false;
  bool bias = false;
  Activation activation = Activation::kIdentity;
  auto operator<=>(const GemmShape&) const = default;
};

/// Addresses of a product; bias [n] may be null where the shape has none.
struct GemmOperands {
  const void* a = nullptr;
  const void* b = nullptr;
  const float* bias = nullptr;
  void* c = nullptr;
};

/// One thread's matrix products, with its cache of compiled primitives and its scratch memory.
/// Deterministic: the bits depend on the shape and the operands only. Used by one thread at a time;
/// different objects run in parallel. Nothing is allocated for a shape seen before.
class Gemm {
 public:
  Gemm();
  ~Gemm();
  Gemm(Gemm&&) noexcept;
  Gemm& operator=(Gemm&&) noexcept;

  /// Products with m, n or k of 0 are accepted: C is then act(bias), 0, or untouched (accumulate).
  /// Throws Error{config} where the CPU has no products of bf16, and Error{resource} when oneDNN
  /// fails otherwise.
  void run(const GemmShape& shape, const GemmOperands& operands);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Name of the library behind Gemm, for --version and benchmarks: "oneDNN 2.6.3" or "plain".
const char* gemm_library();

}  // namespace strata::kernels
