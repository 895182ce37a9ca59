#include "train/plan_memory.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <utility>

#include "storage/ssd_database.h"
#include "train/memory_limit.h"
#include "train/model_setup.h"

namespace strata::train {
namespace {

constexpr double kProgramBytes = 28 << 20;  // code, libraries, the allocator's own
constexpr double kBatchesInFlight = 3;      // read, keyed, trained on
// Of [B, sum D_f]: pooled rows, rows by key, gradients of both; bench/results/plan.txt.
constexpr double kPooledCopies = 6.5;
constexpr double kGrowth = 1.15;  // of a run of buckets, which is copied

/// A memory budget: of tables with the same tiers, or of a database.
struct Budget {
  const char* key;
  int64_t bytes;
};

/// Each budget of the tables once.
std::vector<Budget> budgets_of(const std::vector<embedding::TableConfig>& tables) {
  std::vector<embedding::TiersConfig> seen;
  std::map<std::string, int64_t> databases;
  std::vector<Budget> out;
  for (const embedding::TableConfig& table : tables) {
    const embedding::TiersConfig& tiers = table.tiers;
    if (!tiers.ssd || std::ranges::find(seen, tiers) != seen.end()) continue;
    seen.push_back(tiers);
    if (tiers.dram) out.push_back({"tiers.dram", tiers.dram->value});
    const int64_t memory = tiers.ssd->memory.value;
    if (databases.emplace(embedding::tier_path(tiers.ssd->path), memory).second) {
      out.push_back({"tiers.ssd.memory", memory});
    }
  }
  return out;
}

/// Reader, batches and activations.
double process_bytes(const Config& config, const models::NetworkConfig& network) {
  const double window = 2.0 * static_cast<double>(config.data.window_blocks) *
                        static_cast<double>(config.data.block_bytes.value);
  double width = network.input.dense_width;
  for (const auto& lookup : models::model_lookups(network.model, network.input)) {
    const auto table =
        std::ranges::find(network.tables, lookup.table, &embedding::TableConfig::name);
    if (table != network.tables.end()) width += table->dim;
  }
  const auto samples = static_cast<double>(config.train.batch_size);
  const auto features = static_cast<double>(network.input.features.size());
  const double read = samples * (8 * features + 4 * network.input.dense_width);
  const auto batches = kBatchesInFlight + static_cast<double>(config.data.prefetch);
  return kProgramBytes + window + batches * read + kPooledCopies * samples * 4 * width;
}

/// What the tables over an SSD will use of their budgets; all of it where their rows are not known.
void plan_tiers(const Plan& plan, MemoryPlan& out) {
  std::map<std::string, std::pair<int64_t, double>> databases;  // memory and bytes on the disk
  std::vector<embedding::TiersConfig> unknown;
  for (const TablePlan& table : plan.tables) {
    const embedding::TiersConfig& tiers = table.config.tiers;
    if (!tiers.ssd) continue;
    auto& [memory, disk] = databases[embedding::tier_path(tiers.ssd->path)];
    memory = tiers.ssd->memory.value;
    disk += table.ssd_bytes.value_or(static_cast<double>(memory));
    if (table.dram_bytes) {
      out.budgets += *table.dram_bytes;
    } else if (tiers.dram && std::ranges::find(unknown, tiers) == unknown.end()) {
      unknown.push_back(tiers);
      out.budgets += static_cast<double>(tiers.dram->value);
    }
  }
  for (const auto& [path, database] : databases) {
    out.databases += storage::SsdDatabase::expected_memory(database.first, database.second);
  }
}

}  // namespace

MemoryPlan plan_memory(const Config& config, const models::NetworkConfig& network,
                       const Plan& plan) {
  MemoryPlan out{.process = process_bytes(config, network)};
  const models::DenseSize dense = models::dense_size(network);
  const auto copies = static_cast<double>(2 + config.train.resolved_chunks());
  out.dense = 4 * (copies * static_cast<double>(dense.weights) + static_cast<double>(dense.state));
  double copied = 0;
  for (const TablePlan& table : plan.tables) {
    if (table.config.tiers.ssd || !table.dram_bytes) continue;
    out.tables += *table.dram_bytes;
    const double run = std::min(*table.rows, static_cast<double>(storage::DramTable::kOneRunRows));
    copied = std::max(copied, kGrowth * table.row.index * run);
    out.growth += table.batch_rows * table.row.total();
  }
  out.growth += copied;
  out.checkpoint = config.checkpoint.reserve.percent / 100 * out.tables;
  double bounds = 0;
  for (const Budget& budget : budgets_of(network.tables)) {
    bounds += static_cast<double>(budget.bytes);
  }
  plan_tiers(plan, out);
  out.reserve = bounds - out.budgets - out.databases;
  return out;
}

void require_tiers_fit(const std::vector<embedding::TableConfig>& tables, int64_t limit_bytes) {
  int64_t bytes = 0;
  std::string text;
  for (const Budget& budget : budgets_of(tables)) {
    bytes += budget.bytes;
    text +=
        fmt::format("{}{} {}", text.empty() ? "" : ", ", budget.key, format_bytes(budget.bytes));
  }
  if (bytes <= limit_bytes) return;
  throw MemoryLimitError{
      ErrorCode::kResource,
      fmt::format("the tiers may take {} ({}), memory.limit is {}: lower the budgets or raise the "
                  "limit",
                  format_bytes(bytes), text, format_bytes(limit_bytes))};
}

}  // namespace strata::train
