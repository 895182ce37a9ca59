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

RowBytes Collection::planned_row_bytes(const TableConfig& config) {
  const kernels::RowLayout layout = row_layout(config);
  const int row_bytes = layout.row_bytes();
  return {.weights = static_cast<double>(layout.weight_bytes()),
          .state = 4.0 * layout.state_floats,
          .stamp = static_cast<double>(row_bytes - layout.stamp_offset()),
          .index = storage::DramTable::planned_index_bytes(row_bytes),
          .overhead = config.tiers.ssd ? storage::TieredTable::kKnownBytes
                                       : storage::DramTable::kRowsAhead * row_bytes};
}

double Collection::planned_bytes(const TableConfig& config, double rows) {
  const bool tiered = config.tiers.ssd.has_value();
  const storage::DramTableConfig table{.row_bytes = row_layout(config).row_bytes(),
                                       .one_free_list = tiered};
  const double bytes = storage::DramTable::planned_bytes(table, rows);
  return tiered ? bytes + storage::TieredTable::planned_bytes(rows) : bytes;
}

}  // namespace strata::embedding
