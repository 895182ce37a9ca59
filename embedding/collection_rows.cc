// Rows as files see them: scans, raw insertion, usage.
#include "base/check.h"
#include "base/hash.h"
#include "embedding/collection_impl.h"
#include "kernels/apply_rows.h"
#include "kernels/convert.h"

namespace strata::embedding {

void TableState::read_weights(std::span<const std::byte> row, std::span<float> out) const {
  STRATA_CHECK(row.size() == static_cast<size_t>(layout.row_bytes()) &&
                   out.size() == static_cast<size_t>(config.dim),
               "row and weights", row.size(), out.size());
  if (!replays()) return kernels::widen(config.dtype, row.data(), config.dim, out.data());
  // The kernel reads only; RowsRef has no const form.
  std::byte* segment = const_cast<std::byte*>(row.data());
  const int64_t slot = 0;
  kernels::read_caught_up_rows(
      config.optimizer,
      {.rows = {.segments = &segment, .segment_bits = 0, .row_bytes = layout.row_bytes()},
       .layout = layout,
       .slots = {&slot, 1},
       .step = static_cast<uint32_t>(rates.size()),
       .rates = rates},
      out.data());
}

void Collection::scan(int table, storage::ShardRange shards,
                      const std::function<void(const RowView&)>& visit) const {
  const TableState& state = impl_->tables[table];
  in_table(state, [&] {
    state.rows.scan(shards, [&](uint64_t h, std::span<const std::byte> row) {
      visit({.id = id_of(table, h), .h = h, .bytes = row});
    });
  });
}

void Collection::read_weights(int table, std::span<const std::byte> row,
                              std::span<float> out) const {
  impl_->tables[table].read_weights(row, out);
}

void Collection::insert_rows(int table, std::span<const uint64_t> hashes,
                             std::span<const std::byte> rows) {
  TableState& state = impl_->tables[table];
  in_table(state, [&] { state.rows.put(hashes, rows); });
}

void Collection::clear(int table) { impl_->tables[table].rows.clear(); }

TableUsage Collection::usage(int table) const {
  const storage::TieredTable& rows = impl_->tables[table].rows;
  const storage::DramTableUsage dram = rows.dram_usage();
  return {.rows = rows.size(),
          .dram_rows = dram.rows,
          .index_bytes = dram.index_bytes,
          .row_bytes = dram.row_bytes,
          .counts = rows.counts()};
}

double Collection::planned_bytes_per_row(const TableConfig& config) {
  constexpr double kRowSlack = 1.03;  // rows handed to shards ahead of use
  const int row_bytes = row_layout(config).row_bytes();
  return storage::DramTable::planned_index_bytes(row_bytes) + kRowSlack * row_bytes;
}

}  // namespace strata::embedding
