// All tables at one step, read while training goes on.
#include <algorithm>
#include <utility>

#include "embedding/collection_impl.h"

namespace strata::embedding {

struct TablesCut::Impl {
  Collection* collection;
  std::vector<TableState>* tables;
  std::shared_ptr<storage::CutReserve> reserve;
  std::vector<std::vector<float>> rates;  // by table
};

TablesCut::TablesCut(Collection& collection, int64_t reserve_bytes)
    : impl_(std::make_unique<Impl>(&collection, &collection.impl_->tables,
                                   std::make_shared<storage::CutReserve>(reserve_bytes))) {
  for (TableState& table : *impl_->tables) {
    impl_->rates.push_back(table.rates);
    in_table(table, [&] { table.rows.begin_cut(impl_->reserve); });
  }
}

TablesCut::~TablesCut() {
  if (!impl_) return;
  for (TableState& table : *impl_->tables) table.rows.end_cut();
}

TablesCut::TablesCut(TablesCut&&) noexcept = default;

const Collection& TablesCut::collection() const { return *impl_->collection; }
int64_t TablesCut::rows(int table) const { return (*impl_->tables)[table].rows.cut_rows(); }
std::span<const float> TablesCut::rate_history(int table) const { return impl_->rates[table]; }
int64_t TablesCut::peak_bytes() const { return impl_->reserve->peak_bytes(); }
int64_t TablesCut::waits() const { return impl_->reserve->waits(); }

void TablesCut::scan(int table, storage::ShardRange shards,
                     const std::function<void(const RowView&)>& visit) {
  TableState& state = (*impl_->tables)[table];
  in_table(state, [&] {
    state.rows.scan_cut(shards, [&](uint64_t h, std::span<const std::byte> row) {
      visit({.id = impl_->collection->id_of(table, h), .h = h, .bytes = row});
    });
  });
}

void Collection::reserve_for_cuts(double share) {
  impl_->cut_share = share;
  impl_->tiers.reserve_for_cuts(share);
}

int64_t Collection::Impl::cut_reserve_bytes() const {
  int64_t bytes = tiers.budget_bytes();
  for (const TableState& table : tables) {
    if (!table.rows.tiered()) bytes += table.rows.dram_usage().bytes();
  }
  return static_cast<int64_t>(cut_share * static_cast<double>(bytes));
}

TablesCut Collection::cut(int64_t most_bytes) {
  return TablesCut(*this, std::min(most_bytes, impl_->cut_reserve_bytes()));
}

}  // namespace strata::embedding
