#pragma once
// Keys with rows that are known from the key: what tests of stores write and expect.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <map>
#include <set>
#include <vector>

#include "base/hash.h"
#include "storage/row_store.h"

namespace strata::storage {

/// Ascending distinct keys and their rows.
struct RowBatch {
  std::vector<uint64_t> hashes;
  std::vector<std::byte> rows;
};

/// Row of h in its `version`-th edition: every 8 bytes are the same function of both, so that a row
/// made of two is known.
inline void fill_row(uint64_t h, uint64_t version, std::span<std::byte> row) {
  const uint64_t word = mix64(h ^ mix64(version));
  for (size_t at = 0; at < row.size(); at += 8) {
    std::memcpy(row.data() + at, &word, std::min<size_t>(8, row.size() - at));
  }
}

inline RowBatch make_batch(const std::set<uint64_t>& keys, uint64_t version, int row_bytes) {
  RowBatch batch{{keys.begin(), keys.end()}, std::vector<std::byte>(keys.size() * row_bytes)};
  for (size_t i = 0; i < batch.hashes.size(); ++i) {
    fill_row(batch.hashes[i], version, std::span(batch.rows).subspan(i * row_bytes, row_bytes));
  }
  return batch;
}

/// `count` keys that follow from `seed`.
inline std::set<uint64_t> some_keys(uint64_t seed, int64_t count) {
  std::set<uint64_t> keys;
  for (int64_t i = 0; i < count; ++i) keys.insert(mix64((seed << 32) + i));
  return keys;
}

using Rows = std::map<uint64_t, std::vector<std::byte>>;

/// What is read of `keys`; those absent are left out.
inline Rows read_rows(const RowStore& store, const std::set<uint64_t>& keys) {
  const std::vector<uint64_t> hashes(keys.begin(), keys.end());
  const auto width = static_cast<size_t>(store.row_bytes());
  std::vector<std::byte> rows(hashes.size() * width);
  std::vector<uint8_t> found(hashes.size(), 7);
  store.read(hashes, rows, found);
  Rows out;
  for (size_t i = 0; i < hashes.size(); ++i) {
    EXPECT_LE(found[i], 1);
    if (found[i]) out[hashes[i]] = {rows.begin() + i * width, rows.begin() + (i + 1) * width};
  }
  return out;
}

/// Every row, by scans of eight ranges; expects them to ascend and to be of their range.
inline Rows scan_rows(const RowSnapshot& snapshot) {
  Rows out;
  for (uint64_t part = 0; part < 8; ++part) {
    const KeyRange range{part << 61, (part << 61) + (~uint64_t{0} >> 3)};
    snapshot.scan(range, [&](uint64_t h, std::span<const std::byte> row) {
      EXPECT_TRUE(range.first <= h && h <= range.last) << h;
      EXPECT_TRUE(out.empty() || h > out.rbegin()->first);
      out[h] = {row.begin(), row.end()};
    });
  }
  return out;
}
inline Rows scan_rows(const RowStore& store) { return scan_rows(*store.snapshot()); }

inline Rows rows_of(const RowBatch& batch) {
  Rows out;
  const size_t width = batch.hashes.empty() ? 0 : batch.rows.size() / batch.hashes.size();
  for (size_t i = 0; i < batch.hashes.size(); ++i) {
    out[batch.hashes[i]] = {batch.rows.begin() + i * width, batch.rows.begin() + (i + 1) * width};
  }
  return out;
}

}  // namespace strata::storage
