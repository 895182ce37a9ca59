#include "train/plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "data/declared_skew.h"
#include "train/model_setup.h"
#include "train/plan_memory.h"
#include "train/progress.h"

namespace strata::train {
namespace {

constexpr double kBlockBytes = 4096;  // of RocksDB: aligned, rows are not compressed
constexpr double kEntryBytes = 20;    // key, sequence number, lengths and hash of a row in a block
constexpr double kBlockEnd = 40;      // restarts, trailer
constexpr double kDescribed = 2;      // filter and index, a row
constexpr double kOldRows = 1.11;     // levels above the last hold a tenth of it, to be replaced

/// The features whose ids each table gets, by index into the batch.
std::map<std::string, std::vector<int>> features_of_tables(const models::NetworkConfig& network) {
  std::map<std::string, std::vector<int>> out;
  for (const models::ModelLookup& lookup : models::model_lookups(network.model, network.input)) {
    out[lookup.table].push_back(lookup.feature);
  }
  return out;
}

/// What is known of a table's keys, and how many a sample has.
struct TableKeysPlan {
  KeyGrowth growth;
  double keys_per_sample = 0;
};

std::optional<TableKeysPlan> declared_keys(const Config& config, const data::Schema& schema,
                                           const std::vector<int>& features, double data_rows) {
  std::vector<KeyRate> rates;
  const auto lookups = static_cast<double>(features.size());
  for (const int feature : features) {
    const auto ids = data::declared_skew(config.data, schema, schema.sparse[feature]);
    if (!ids) return {};
    for (const data::IdClass& c : *ids) rates.push_back({c.share / lookups, c.ids});
  }
  const double occurrences = data_rows * lookups;
  return TableKeysPlan{KeyGrowth(expected_histogram(rates, occurrences), occurrences), lookups};
}

std::optional<TableKeysPlan> counted_keys(const DataHistogram& histogram, const std::string& table,
                                          double data_rows) {
  const auto found = histogram.tables.find(table);
  if (found == histogram.tables.end()) return {};
  const double per_sample = found->second.occurrences() / static_cast<double>(histogram.rows);
  return TableKeysPlan{KeyGrowth(found->second, per_sample * data_rows), per_sample};
}

/// Bytes of a row in a database, levels and all.
double ssd_row_bytes(double row_bytes) {
  const double rows = std::floor((kBlockBytes - kBlockEnd) / (row_bytes + kEntryBytes));
  const double bytes = rows >= 1 ? kBlockBytes / rows : row_bytes + kEntryBytes;
  return kOldRows * (bytes + kDescribed);
}

class Planner {
 public:
  Planner(const Config& config, const data::Schema& schema, const PlanBasis& basis)
      : config_(config),
        schema_(schema),
        basis_(basis),
        network_(plan_network(config, schema)),
        features_(features_of_tables(network_)) {}

  Plan plan() {
    models::check_network(network_);
    count_batches();
    for (const embedding::TableConfig& table : network_.tables) add_table(table);
    divide_budgets();
    for (const TablePlan& table : out_.tables) out_.rows_known &= table.rows.has_value();
    out_.limit_bytes = basis_.limit_bytes;
    out_.basis = basis();
    out_.memory = plan_memory(config_, network_, out_);
    plan_disk();
    return std::move(out_);
  }

 private:
  std::string basis() const;
  void count_batches();
  void add_table(const embedding::TableConfig& table);
  void divide_budgets();
  void forecast(const std::vector<size_t>& members);
  void plan_disk();
  /// Samples of a batch, over the run.
  double samples() const { return std::min(batch_, static_cast<double>(basis_.data_rows)); }

  const Config& config_;
  const data::Schema& schema_;
  const PlanBasis& basis_;
  models::NetworkConfig network_;
  std::map<std::string, std::vector<int>> features_;
  std::vector<std::optional<TableKeysPlan>> keys_;  // by table
  double batch_ = 0;
  Plan out_;
};

std::string Planner::basis() const {
  const std::string rows = format_count(basis_.data_rows) + " rows";
  if (!basis_.histogram) return rows + ", skew as declared";
  const int64_t counted = basis_.histogram->rows;
  return counted >= basis_.data_rows
             ? rows + ", all counted"
             : fmt::format("{}, {} of them counted", rows, format_count(counted));
}

void Planner::count_batches() {
  const TrainConfig& train = config_.train;
  batch_ = static_cast<double>(train.batch_size);
  const int64_t per_epoch = (basis_.data_rows + train.batch_size - 1) / train.batch_size;
  const int64_t steps_per_epoch = (per_epoch + train.accumulate - 1) / train.accumulate;
  out_.data_rows = basis_.data_rows;
  out_.steps = std::min(train.epochs * steps_per_epoch, train.max_steps.value_or(INT64_MAX));
  out_.batches = std::min(train.epochs * per_epoch, out_.steps * train.accumulate);
}

void Planner::add_table(const embedding::TableConfig& table) {
  TablePlan plan{.config = table, .row = embedding::Collection::planned_row_bytes(table)};
  const auto data_rows = static_cast<double>(basis_.data_rows);
  keys_.push_back(basis_.histogram
                      ? counted_keys(*basis_.histogram, table.name, data_rows)
                      : declared_keys(config_, schema_, features_[table.name], data_rows));
  if (const auto& keys = keys_.back()) {
    const double trained = std::min(data_rows, static_cast<double>(out_.batches) * batch_);
    plan.rows = keys->growth.distinct(trained * keys->keys_per_sample);
    plan.batch_rows = keys->growth.distinct(samples() * keys->keys_per_sample);
    if (!table.tiers.ssd) plan.dram_bytes = embedding::Collection::planned_bytes(table, *plan.rows);
    const double whole = plan.row.weights + plan.row.state + plan.row.stamp;
    plan.checkpoint_bytes = *plan.rows * (8 + whole);
  }
  out_.tables.push_back(std::move(plan));
}

/// Tables with the same tiers share a budget.
void Planner::divide_budgets() {
  std::vector<size_t> left;
  for (size_t t = 0; t < out_.tables.size(); ++t) {
    if (out_.tables[t].config.tiers.ssd) left.push_back(t);
  }
  while (!left.empty()) {
    const embedding::TiersConfig& tiers = out_.tables[left[0]].config.tiers;
    const auto others = std::stable_partition(
        left.begin(), left.end(), [&](size_t t) { return out_.tables[t].config.tiers == tiers; });
    forecast({left.begin(), others});
    left.erase(left.begin(), others);
  }
}

void Planner::forecast(const std::vector<size_t>& members) {
  std::vector<CachedTable> tables;
  for (const size_t t : members) {
    if (!keys_[t]) return;
    const TablePlan& table = out_.tables[t];
    tables.push_back(
        cached_table(keys_[t]->growth, samples() * keys_[t]->keys_per_sample, table.config));
  }
  const embedding::TiersConfig& tiers = out_.tables[members[0]].config.tiers;
  if (!tiers.dram) return;
  const double kept = 1 - config_.checkpoint.reserve.percent / 100;
  const auto forecasts =
      forecast_caches(tables, {.budget_bytes = kept * static_cast<double>(tiers.dram->value),
                               .batches = static_cast<double>(out_.batches)});
  for (size_t i = 0; i < members.size(); ++i) {
    TablePlan& table = out_.tables[members[i]];
    const double row = table.row.weights + table.row.state + table.row.stamp;
    table.cache = forecasts[i];
    table.dram_bytes = embedding::Collection::planned_bytes(table.config, forecasts[i].rows);
    table.ssd_bytes = std::min(forecasts[i].evicted, *table.rows) * ssd_row_bytes(row);
  }
}

void Planner::plan_disk() {
  const models::DenseSize dense = models::dense_size(network_);
  DiskPlan& disk = out_.disk;
  disk.checkpoint = 4.0 * static_cast<double>(dense.weights + dense.state);
  for (const TablePlan& table : out_.tables) {
    disk.checkpoint += table.checkpoint_bytes.value_or(0);
    disk.ssd += table.ssd_bytes.value_or(0);
    if (!table.cache) continue;
    disk.written_per_step += table.cache->misses_per_batch *
                             static_cast<double>(config_.train.accumulate) *
                             (8 + table.row.weights + table.row.state + table.row.stamp);
  }
  disk.checkpoints = disk.checkpoint * static_cast<double>(config_.checkpoint.keep + 1);
}

}  // namespace

Plan make_plan(const Config& config, const data::Schema& schema, const PlanBasis& basis) {
  return Planner(config, schema, basis).plan();
}

}  // namespace strata::train
