#include "embedding/tiers.h"

#include <algorithm>
#include <filesystem>

#include "base/check.h"
#include "base/error.h"

namespace strata::embedding {
namespace {

// Of a budget. The rest is for pages and runs of buckets that grow within a batch.
constexpr double kUsable = 0.99;
// Of a budget that tables share, for tables with more than a quarter of an equal share.
constexpr double kShared = 0.94;

void require_consistent(const TableConfig& table, const TiersConfig& other) {
  const TiersConfig& tiers = table.tiers;
  SsdTierConfig same = *other.ssd;
  same.path = tiers.ssd->path;
  if (tier_path(tiers.ssd->path) != tier_path(other.ssd->path) || *tiers.ssd == same) return;
  throw Error(ErrorCode::kConfig,
              "tables.{}.tiers.ssd: the directory {} is used with other settings by another table",
              table.name, tiers.ssd->path);
}

}  // namespace

std::string tier_path(const std::string& path) {
  std::string clean = std::filesystem::path(path).lexically_normal().string();
  while (clean.size() > 1 && clean.ends_with('/')) clean.pop_back();
  return clean;
}

Tiers::Tiers(const std::vector<TableConfig>& tables) {
  for (const TableConfig& table : tables) {
    const TiersConfig& tiers = table.tiers;
    if (!tiers.ssd) {
      if (!tiers.dram) continue;
      throw Error(ErrorCode::kConfig,
                  "tables.{}.tiers.dram: a budget needs a tier below: set tiers.ssd.path, or use "
                  "memory.limit",
                  table.name);
    }
    if (tiers.ssd->path.empty()) {
      throw Error(ErrorCode::kConfig, "tables.{}.tiers.ssd.path is not set", table.name);
    }
    if (!tiers.dram) {
      throw Error(ErrorCode::kConfig,
                  "tables.{}.tiers: an SSD tier needs a budget above it: set tiers.dram",
                  table.name);
    }
    const auto known = std::ranges::find(groups_, tiers);
    if (known != groups_.end()) {
      ++group_tables_[known - groups_.begin()];
      continue;
    }
    for (const TiersConfig& other : groups_) require_consistent(table, other);
    groups_.push_back(tiers);
    group_tables_.push_back(1);
  }
  for (const TiersConfig& tiers : groups_) {
    const SsdTierConfig& ssd = *tiers.ssd;
    const std::string path = tier_path(ssd.path);
    if (databases_.contains(path)) continue;
    const storage::SsdConfig config{.path = path,
                                    .memory = ssd.memory.value,
                                    .bytes = ssd.bytes.value,
                                    .direct_io = ssd.direct_io,
                                    .read_threads = ssd.read_threads};
    databases_[path] = std::make_unique<storage::SsdDatabase>(config, storage::SsdStart::kScratch);
  }
}

storage::RowStore* Tiers::store_of(const TableConfig& table, int row_bytes) {
  if (!table.tiers.ssd) return nullptr;
  return &databases_.at(tier_path(table.tiers.ssd->path))
              ->table({.name = table.name, .row_bytes = row_bytes});
}

int64_t Tiers::budget_bytes() const {
  int64_t bytes = 0;
  for (const TiersConfig& tiers : groups_) bytes += tiers.dram->value;
  return bytes;
}

double Tiers::usable_bytes(double budget, size_t tables, double table_bytes) {
  const bool small = table_bytes < budget / (4 * static_cast<double>(tables));
  return budget * (small || tables == 1 ? kUsable : kShared);
}

int64_t Tiers::room(const TableConfig& table, const Use& use) const {
  const auto group = std::ranges::find(groups_, table.tiers);
  STRATA_CHECK(group != groups_.end(), "a table with tiers", table.name);
  const double limit = usable_bytes(static_cast<double>(group->dram->value) * (1 - cut_share_),
                                    static_cast<size_t>(group_tables_[group - groups_.begin()]),
                                    static_cast<double>(use.table));
  return std::max<int64_t>(0, static_cast<int64_t>(limit) - use.group);
}

}  // namespace strata::embedding
