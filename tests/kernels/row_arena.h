#pragma once
// Rows in segments, as storage lays them out, for kernel tests.

#include <cstring>
#include <span>
#include <vector>

#include "base/buffer.h"
#include "base/hash.h"
#include "kernels/rows.h"

namespace strata::kernels {

/// `count` zeroed rows in segments of 16. Copyable: a copy is a dump of every byte.
class RowArena {
 public:
  RowArena(const RowLayout& layout, int64_t count) : layout_(layout) {
    const int64_t segments = (count + kRows - 1) / kRows;
    for (int64_t s = 0; s < segments; ++s) {
      segments_.emplace_back(static_cast<size_t>(kRows * layout.row_bytes()));
    }
    point();
  }
  RowArena(const RowArena& other) : layout_(other.layout_), segments_(other.segments_) { point(); }
  RowArena& operator=(const RowArena&) = delete;

  RowsRef ref() const { return {pointers_.data(), kBits, layout_.row_bytes()}; }
  const RowLayout& layout() const { return layout_; }
  std::byte* row(int64_t slot) const { return ref().row(slot); }
  std::span<float> weights(int64_t slot) const {  // fp32 rows
    return {reinterpret_cast<float*>(row(slot)), static_cast<size_t>(layout_.dim)};
  }
  std::span<float> state(int64_t slot) const {
    return {reinterpret_cast<float*>(row(slot) + layout_.state_offset()),
            static_cast<size_t>(layout_.state_floats)};
  }
  uint32_t stamp(int64_t slot) const {
    uint32_t stamp;
    std::memcpy(&stamp, row(slot) + layout_.stamp_offset(), sizeof stamp);
    return stamp;
  }
  bool operator==(const RowArena& other) const { return segments_ == other.segments_; }

 private:
  static constexpr int kBits = 4;
  static constexpr int64_t kRows = int64_t{1} << kBits;

  void point() {
    pointers_.clear();
    for (auto& segment : segments_) pointers_.push_back(segment.data());
  }

  RowLayout layout_;
  std::vector<AlignedVector<std::byte>> segments_;
  std::vector<std::byte*> pointers_;
};

/// Numbers in [-1, 1), reproducible.
inline std::vector<float> random_floats(uint64_t seed, size_t n) {
  std::vector<float> out(n);
  for (size_t i = 0; i < n; ++i) out[i] = 2 * CounterRng{mix64(seed)}.uniform(i) - 1;
  return out;
}

/// 0 … n - 1 in a shuffled order.
inline std::vector<int64_t> shuffled_slots(uint64_t seed, int64_t n) {
  std::vector<int64_t> out(static_cast<size_t>(n));
  for (int64_t i = 0; i < n; ++i) out[i] = i;
  for (int64_t i = n - 1; i > 0; --i) {
    std::swap(out[i], out[CounterRng{mix64(seed)}.below(i, i + 1)]);
  }
  return out;
}

}  // namespace strata::kernels
