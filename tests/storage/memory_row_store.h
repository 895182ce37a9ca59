#pragma once
// A RowStore that cannot be wrong: the oracle of the contract suite.

#include <algorithm>
#include <cstring>
#include <map>
#include <mutex>
#include <vector>

#include "storage/row_store.h"

namespace strata::storage {

class MemoryRowStore final : public RowStore {
 public:
  MemoryRowStore(int row_bytes, int shard_bits) : row_bytes_(row_bytes), shard_bits_(shard_bits) {}

  int row_bytes() const override { return row_bytes_; }
  int shards() const override { return 1 << shard_bits_; }

  void read(std::span<const uint64_t> hashes, std::span<std::byte> rows,
            std::span<uint8_t> found) const override {
    const std::lock_guard lock(mutex_);
    for (size_t i = 0; i < hashes.size(); ++i) {
      const auto row = rows_.find(hashes[i]);
      found[i] = row != rows_.end();
      if (found[i]) std::memcpy(rows.data() + i * width(), row->second.data(), width());
    }
  }
  void write(std::span<const uint64_t> hashes, std::span<const std::byte> rows) override {
    const std::lock_guard lock(mutex_);
    for (size_t i = 0; i < hashes.size(); ++i) {
      const std::byte* row = rows.data() + i * width();
      rows_[hashes[i]].assign(row, row + width());
    }
  }
  void erase(std::span<const uint64_t> hashes) override {
    const std::lock_guard lock(mutex_);
    for (const uint64_t h : hashes) rows_.erase(h);
  }
  void clear() override {
    const std::lock_guard lock(mutex_);
    rows_.clear();
  }
  std::unique_ptr<RowSnapshot> snapshot() const override {
    const std::lock_guard lock(mutex_);
    return std::make_unique<Copy>(rows_, shard_bits_);
  }
  RowStoreUsage usage() const override { return {}; }

 private:
  using Rows = std::map<uint64_t, std::vector<std::byte>>;
  class Copy final : public RowSnapshot {
   public:
    Copy(Rows rows, int shard_bits) : rows_(std::move(rows)), shard_bits_(shard_bits) {}
    void scan(int shard, const RowVisitor& visit) const override {
      for (const auto& [h, row] : rows_) {
        const uint64_t of = shard_bits_ == 0 ? 0 : h >> (64 - shard_bits_);
        if (of == static_cast<uint64_t>(shard)) visit(h, row);
      }
    }

   private:
    const Rows rows_;
    const int shard_bits_;
  };
  size_t width() const { return static_cast<size_t>(row_bytes_); }

  const int row_bytes_;
  const int shard_bits_;
  mutable std::mutex mutex_;
  Rows rows_;
};

}  // namespace strata::storage
