#pragma once
// The tiers of a collection's tables and the budgets they share; an implementation detail of
// collection*.cc.

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "embedding/table_config.h"
#include "storage/ssd_database.h"

namespace strata::embedding {

/// Databases and DRAM budgets of tables with an SSD tier. One thread at a time.
class Tiers {
 public:
  /// Opens a fresh database per path. Throws Error{config} for tiers that do not go together, and
  /// what SsdDatabase throws.
  explicit Tiers(const std::vector<TableConfig>& tables);

  /// The store of a table, or null where it has no SSD tier.
  storage::RowStore* store_of(const TableConfig& table, int row_bytes);

  /// Keeps `share` of every budget for rows copied while a cut is read.
  void reserve_for_cuts(double share) { cut_share_ = share; }
  /// Of all budgets together.
  int64_t budget_bytes() const;

  /// Bytes of DRAM in use.
  struct Use {
    int64_t table = 0;  // by the table
    int64_t group = 0;  // by all tables with its tiers
  };
  /// Bytes by which a table may grow in DRAM. One that is small beside the others may use a reserve
  /// that is kept for such: memory does not move between tables.
  int64_t room(const TableConfig& table, const Use& use) const;

  /// Bytes of a budget up to which its tables together may grow when one of them, that uses
  /// `table_bytes`, needs a row.
  static double usable_bytes(double budget, size_t tables, double table_bytes);

 private:
  std::map<std::string, std::unique_ptr<storage::SsdDatabase>> databases_;  // by path
  std::vector<TiersConfig> groups_;
  std::vector<int64_t> group_tables_;
  double cut_share_ = 0;
};

}  // namespace strata::embedding
