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
  explicit MemoryRowStore(int row_bytes) : row_bytes_(row_bytes) {}

  int row_bytes() const override { return row_bytes_; }

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
    return std::make_unique<Copy>(rows_);
  }
  RowStoreUsage usage() const override { return {}; }

 private:
  using Rows = std::map<uint64_t, std::vector<std::byte>>;
  class Copy final : public RowSnapshot {
   public:
    explicit Copy(Rows rows) : rows_(std::move(rows)) {}
    void scan(KeyRange keys, const RowVisitor& visit) const override {
      const auto end = rows_.upper_bound(keys.last);
      for (auto row = rows_.lower_bound(keys.first); row != end; ++row)
        visit(row->first, row->second);
    }

   private:
    const Rows rows_;
  };
  size_t width() const { return static_cast<size_t>(row_bytes_); }

  const int row_bytes_;
  mutable std::mutex mutex_;
  Rows rows_;
};

}  // namespace strata::storage
