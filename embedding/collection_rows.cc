// Rows as files see them: scans, raw insertion, usage.
#include <cstring>

#include "base/check.h"
#include "base/hash.h"
#include "embedding/collection_impl.h"
#include "kernels/apply_rows.h"
#include "kernels/convert.h"

namespace strata::embedding {

void Collection::scan(int table, int shard,
                      const std::function<void(const RowView&)>& visit) const {
  const TableState& state = impl_->tables[table];
  const kernels::RowsRef rows = state.rows.rows();
  const auto bytes = static_cast<size_t>(state.layout.row_bytes());
  state.rows.scan(shard, [&](uint64_t h, int64_t slot) {
    visit({.id = id_of(table, h), .h = h, .bytes = {rows.row(slot), bytes}});
  });
}

void Collection::read_weights(int table, std::span<const std::byte> row,
                              std::span<float> out) const {
  const TableState& state = impl_->tables[table];
  STRATA_CHECK(row.size() == static_cast<size_t>(state.layout.row_bytes()) &&
                   out.size() == static_cast<size_t>(state.config.dim),
               "row and weights", row.size(), out.size());
  if (!state.replays()) {
    return kernels::widen(state.config.dtype, row.data(), state.config.dim, out.data());
  }
  // The kernel reads only; RowsRef has no const form.
  std::byte* segment = const_cast<std::byte*>(row.data());
  const int64_t slot = 0;
  kernels::read_caught_up_rows(
      state.config.optimizer,
      {.rows = {.segments = &segment, .segment_bits = 0, .row_bytes = state.layout.row_bytes()},
       .layout = state.layout,
       .slots = {&slot, 1},
       .step = static_cast<uint32_t>(state.rates.size()),
       .rates = state.rates},
      out.data());
}

void Collection::insert_rows(int table, std::span<const uint64_t> hashes,
                             std::span<const std::byte> rows) {
  TableState& state = impl_->tables[table];
  const auto bytes = static_cast<size_t>(state.layout.row_bytes());
  STRATA_CHECK(rows.size() == hashes.size() * bytes, "rows", rows.size(), hashes.size(), bytes);
  in_table(state, [&] {
    std::vector<int64_t> slots(hashes.size());
    std::vector<int64_t> created;
    state.rows.find_or_insert(hashes, slots, created);
    const kernels::RowsRef to = state.rows.rows();
    for (size_t i = 0; i < slots.size(); ++i) {
      std::memcpy(to.row(slots[i]), rows.data() + i * bytes, bytes);
    }
  });
}

void Collection::clear(int table) {
  TableState& state = impl_->tables[table];
  state.rows =
      storage::DramTable({.row_bytes = state.layout.row_bytes(), .shard_bits = impl_->shard_bits});
}

TableUsage Collection::usage(int table) const {
  const storage::DramTableUsage usage = impl_->tables[table].rows.usage();
  return {.rows = usage.rows, .index_bytes = usage.index_bytes, .row_bytes = usage.row_bytes};
}

double Collection::planned_bytes_per_row(const TableConfig& config) {
  constexpr double kRowSlack = 1.03;  // rows handed to shards ahead of use
  const int row_bytes = row_layout(config).row_bytes();
  return storage::DramTable::planned_index_bytes(row_bytes) + kRowSlack * row_bytes;
}

}  // namespace strata::embedding
