#include "embedding/collection.h"

#include <xxhash.h>

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "base/hash.h"
#include "embedding/collection_impl.h"
#include "kernels/convert.h"

namespace strata::embedding {
namespace {

constexpr int kMaxDim = 65536;

/// What checks of single fields cannot see.
void validate(const TableConfig& config) {
  if (config.dim < 1 || config.dim > kMaxDim) {
    throw Error(ErrorCode::kConfig, "table {}: dim {} is outside 1 … {}", config.name, config.dim,
                kMaxDim);
  }
  if (const auto refusal = config.optimizer.refusal(config.dtype)) {
    throw Error(ErrorCode::kConfig, "table {}: {}", config.name, *refusal);
  }
}

}  // namespace

kernels::RowLayout row_layout(const TableConfig& config) {
  return {.dim = config.dim,
          .dtype = config.dtype,
          .state_floats = config.trainable ? config.optimizer.state_floats(config.dim) : 0};
}

TableState::TableState(const TableConfig& table_config, int shard_bits, storage::RowStore* store)
    : config(table_config),
      salt(XXH3_64bits(config.name.data(), config.name.size())),
      layout((validate(config), row_layout(config))),
      rows({.row_bytes = layout.row_bytes(),
            .shard_bits = shard_bits,
            .eviction = config.tiers.eviction,
            .changes = config.trainable},
           store),
      rate(config.optimizer.learning_rate()),
      default_row(config.dim, config.default_row) {
  std::vector<std::byte> stored(layout.weight_bytes());
  kernels::narrow(config.dtype, default_row.data(), config.dim, stored.data());
  kernels::widen(config.dtype, stored.data(), config.dim, default_row.data());
}

Collection::Impl::Impl(std::vector<TableConfig> table_configs, std::vector<Lookup> all_lookups,
                       uint64_t run_seed, int bits)
    : tiers(table_configs), lookups(std::move(all_lookups)), seed(run_seed), shard_bits(bits) {
  for (const TableConfig& config : table_configs) {
    for (const TableState& other : tables) {
      if (other.config.name != config.name) continue;
      throw Error(ErrorCode::kConfig, "two tables are named '{}'", config.name);
    }
    tables.emplace_back(config, bits, tiers.store_of(config, row_layout(config).row_bytes()));
  }
  std::vector<std::pair<int64_t, int64_t>> columns;  // [begin, end) of each pooled lookup
  for (size_t l = 0; l < lookups.size(); ++l) {
    const auto table = std::find_if(tables.begin(), tables.end(), [&](const TableState& t) {
      return t.config.name == lookups[l].table;
    });
    if (table == tables.end()) {
      throw Error(ErrorCode::kConfig, "feature {} reads a table '{}' that does not exist",
                  lookups[l].feature, lookups[l].table);
    }
    table->lookups.push_back(static_cast<int>(l));
    lookup_table.push_back(static_cast<int>(table - tables.begin()));
    features = std::max(features, lookups[l].feature + 1);
    if (lookups[l].pooling == Pooling::kNone) continue;
    columns.emplace_back(lookups[l].out_column, lookups[l].out_column + table->config.dim);
    out_width = std::max(out_width, columns.back().second);
  }
  std::sort(columns.begin(), columns.end());
  int64_t free_from = 0;
  for (const auto& [begin, end] : columns) {
    if (begin < free_from) {
      throw Error(ErrorCode::kConfig, "two lookups write column {} of the pooled matrix", begin);
    }
    free_from = end;
  }
}

Collection::Collection(std::vector<TableConfig> tables, std::vector<Lookup> lookups, uint64_t seed,
                       int shard_bits)
    : impl_(std::make_unique<Impl>(std::move(tables), std::move(lookups), seed, shard_bits)) {}
Collection::~Collection() = default;
Collection::Collection(Collection&&) noexcept = default;
Collection& Collection::operator=(Collection&&) noexcept = default;

int64_t Collection::out_width() const { return impl_->out_width; }
int Collection::tables() const { return static_cast<int>(impl_->tables.size()); }
int Collection::shards() const { return 1 << impl_->shard_bits; }
std::span<const Lookup> Collection::lookups() const { return impl_->lookups; }
const TableConfig& Collection::config(int table) const { return impl_->tables[table].config; }
const kernels::RowLayout& Collection::layout(int table) const {
  return impl_->tables[table].layout;
}

int Collection::find_table(std::string_view name) const {
  for (int t = 0; t < tables(); ++t) {
    if (config(t).name == name) return t;
  }
  return -1;
}

void Collection::set_learning_rate(int table, float rate) { impl_->tables[table].rate = rate; }

uint64_t Collection::hash_of(int table, uint64_t id) const {
  return mix64(id ^ impl_->tables[table].salt);
}
uint64_t Collection::id_of(int table, uint64_t h) const {
  return unmix64(h) ^ impl_->tables[table].salt;
}

std::span<const float> Collection::rate_history(int table) const {
  return impl_->tables[table].rates;
}
void Collection::set_rate_history(int table, std::span<const float> rates) {
  TableState& state = impl_->tables[table];
  STRATA_CHECK(rates.empty() || state.replays(), "rates of a table that replays nothing", table);
  state.rates.assign(rates.begin(), rates.end());
}

int64_t KeyedBatch::unique() const {
  int64_t sum = 0;
  for (const TableKeys& table : tables_) sum += static_cast<int64_t>(table.keys.unique.size());
  return sum;
}

}  // namespace strata::embedding
