#pragma once
// What a row looks like and how a set of rows is addressed. Trivial types shared by storage
// (which owns the memory) and the kernels (which compute on it).

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>
#include <utility>

#include "base/fields.h"
#include "base/isa.h"

namespace strata::kernels {

/// Type of the weights of a row. Optimizer state is always fp32.
enum class DType : uint8_t { kF32, kBf16, kF16 };

constexpr int dtype_bytes(DType dtype) { return dtype == DType::kF32 ? 4 : 2; }

/// Row = [weights in `dtype`, padded to 4 bytes | state fp32 | stamp u32 | counters] (DESIGN).
struct RowLayout {
  int dim = 0;
  DType dtype = DType::kF32;
  int state_floats = 0;
  int counter_bytes = 0;  // of the admission and expiry policies; a multiple of 4

  constexpr int weight_bytes() const { return (dim * dtype_bytes(dtype) + 3) / 4 * 4; }
  constexpr int state_offset() const { return weight_bytes(); }
  constexpr int stamp_offset() const { return weight_bytes() + 4 * state_floats; }
  constexpr int row_bytes() const { return stamp_offset() + 4 + counter_bytes; }
  bool operator==(const RowLayout&) const = default;
};

/// Addresses rows by slot: segments of 2^segment_bits rows, each contiguous. Valid until the owner
/// grows (between batches). Trivially copyable, so that it can go into kernels by value.
struct RowsRef {
  std::byte* const* segments = nullptr;
  int segment_bits = 0;
  int row_bytes = 0;

  STRATA_HD STRATA_ALWAYS_INLINE std::byte* row(int64_t slot) const {
    const int64_t mask = (int64_t{1} << segment_bits) - 1;
    return segments[slot >> segment_bits] + (slot & mask) * row_bytes;
  }
};
static_assert(std::is_trivially_copyable_v<RowsRef>);

}  // namespace strata::kernels

template <>
struct strata::EnumNames<strata::kernels::DType> {
  using enum strata::kernels::DType;
  static constexpr std::pair<strata::kernels::DType, std::string_view> kNames[] = {
      {kF32, "fp32"}, {kBf16, "bf16"}, {kF16, "fp16"}};
};
