#pragma once
// What SsdTable, its snapshots and its loaders share.

#include <atomic>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "storage/ssd_engine.h"

namespace strata::storage {

struct SsdTable::Impl {
  SsdEngine& engine;
  SsdFamily* family;
  mutable std::atomic<int64_t> reads{0}, hits{0}, written{0};

  /// "read table 'C3'".
  std::string doing(std::string_view what) const;
  /// Throws Error{corrupt} unless `row` is as wide as rows are.
  void check_width(const rocksdb::Slice& row) const;
  /// Reads at most kSliceKeys keys; returns how many were there.
  int64_t read_slice(std::span<const uint64_t> hashes, std::byte* rows, uint8_t* found) const;
  /// Writes `count` entries in batches; put(batch, i) adds entry i.
  template <class Put>
  void change(size_t count, std::string_view what, Put&& put);
};

}  // namespace strata::storage
