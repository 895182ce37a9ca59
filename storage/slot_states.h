#pragma once
// What a cache knows of the rows it holds; an implementation detail of tiered_table.cc.

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace strata::storage {

struct SlotState {
  uint32_t last_use = 0;  // ticket of the last batch that holds or held the row
  uint32_t score : 30 = 0;
  uint32_t below : 1 = 0;    // the store has the key, with these bytes or older ones
  uint32_t changed : 1 = 0;  // the store has not got these bytes
};

/// A SlotState per slot. Memory comes in blocks, so that it grows with the rows.
class SlotStates {
 public:
  static constexpr int64_t kBlock = 512;  // slots; a small page

  SlotState& operator[](int64_t slot) { return (*blocks_[slot / kBlock])[slot % kBlock]; }
  const SlotState& operator[](int64_t slot) const {
    return (*blocks_[slot / kBlock])[slot % kBlock];
  }
  /// Makes [slot] good for every slot up to `slot`.
  void cover(int64_t slot) {
    while (slot / kBlock >= std::ssize(blocks_)) blocks_.push_back(std::make_unique<Block>());
  }
  int64_t bytes() const { return std::ssize(blocks_) * static_cast<int64_t>(sizeof(Block)); }

 private:
  using Block = std::array<SlotState, kBlock>;
  std::vector<std::unique_ptr<Block>> blocks_;
};

}  // namespace strata::storage
