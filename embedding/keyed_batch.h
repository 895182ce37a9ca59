#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/scratch.h"
#include "kernels/dedup.h"

namespace strata::embedding {

/// The part of a KeyedBatch that belongs to one lookup.
struct LookupKeys {
  int64_t begin = 0;             // first occurrence of this lookup in TableKeys::inverse
  int64_t count = 0;             // its occurrences
  bool one_id_per_bag = false;   // then bag_offsets and sample stay empty
  Scratch<int32_t> bag_offsets;  // [B + 1], relative to begin
  Scratch<int32_t> sample;       // [count]: the sample of each occurrence
  Scratch<float> factors;        // [count] pooling factors, or empty: all ones
};

/// The part of a KeyedBatch that belongs to one table. U unique keys, N occurrences of all lookups
/// of the table, lookup after lookup.
struct TableKeys {
  Scratch<uint64_t> hashes;   // [N] h of each occurrence
  kernels::UniqueKeys keys;   // unique h [U] ascending, inverse [N], occurrences by chunk
  Scratch<int64_t> slots;     // [U] after look_up; storage::kNoSlot: default row
  Scratch<float> weights;     // [U, D] as they are at look_up
  Scratch<float> chunk_sums;  // workspace of reduce_gradients for tables of width 1
  Scratch<float> gradients;   // [U, D] after reduce_gradients
};

/// Gradient of an unpooled lookup (Pooling::kNone): rows [N_f, D], row stride in floats.
struct UnpooledGradient {
  int lookup = 0;
  const float* rows = nullptr;
  int64_t stride = 0;
};

/// The keys of one batch, hashed and deduplicated per table. Made by Collection::prepare, which
/// reads no table state, so batch n+1 can be prepared while batch n trains. Reusable; movable.
class KeyedBatch {
 public:
  int64_t size() const { return size_; }  // B
  int64_t unique(int table) const {
    return static_cast<int64_t>(tables_[table].keys.unique.size());
  }
  /// Distinct keys over all tables.
  int64_t unique() const;
  std::span<const uint64_t> hashes(int table) const { return tables_[table].keys.unique.span(); }
  /// [U, D] of a table; empty before reduce_gradients and for tables that are not trainable.
  std::span<const float> gradients(int table) const { return tables_[table].gradients.span(); }
  /// Where reduce_gradients finds the gradients of lookups without pooling; all of them, and valid
  /// until that call returns. prepare forgets them.
  void set_unpooled_gradients(std::span<const UnpooledGradient> gradients) {
    unpooled_.assign(gradients.begin(), gradients.end());
  }

 private:
  friend class Collection;
  int64_t size_ = 0;
  uint32_t ticket_ = 0;  // of the batch, where tables have an SSD tier; 0: none yet
  bool trains_ = false;  // looked up with kTrain: rows may be written
  std::vector<int64_t> chunk_begin_;
  std::vector<UnpooledGradient> unpooled_;
  std::vector<LookupKeys> lookups_;
  std::vector<TableKeys> tables_;
};

}  // namespace strata::embedding
