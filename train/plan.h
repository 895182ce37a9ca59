#pragma once
// What a run will need, before anything of it is made.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "data/schema.h"
#include "embedding/collection.h"
#include "models/network.h"
#include "train/cache_forecast.h"
#include "train/config.h"
#include "train/key_histogram.h"

namespace strata::train {

/// What a plan stands on.
struct PlanBasis {
  int64_t data_rows = 0;                     // of the training data, one epoch
  std::optional<DataHistogram> histogram{};  // of its keys; nothing: declared skew
  int64_t limit_bytes = 0;                   // memory.limit
};

/// One table at the end of the run. Figures that need the number of rows are absent where nothing
/// says how many distinct keys the table will meet.
struct TablePlan {
  embedding::TableConfig config;
  embedding::RowBytes row;             // of DRAM, on average
  std::optional<double> rows{};        // in all tiers
  double batch_rows = 0;               // of one batch; 0 where not known
  std::optional<double> dram_bytes{};  // with an SSD tier its part of the budget
  std::optional<double> ssd_bytes{};   // on the disk
  std::optional<double> checkpoint_bytes{};
  std::optional<CacheForecast> cache{};  // with an SSD tier
};

/// Most bytes of memory, by what has them. The process has `steady()` at the end of the run.
struct MemoryPlan {
  double process = 0;     // the program, readers, batches, activations
  double dense = 0;       // weights, gradients and optimizer state
  double tables = 0;      // that lie in DRAM alone
  double budgets = 0;     // of the others in DRAM
  double databases = 0;   // of RocksDB
  double reserve = 0;     // what tiers.dram and tiers.ssd.memory allow beyond these two
  double growth = 0;      // an index that is copied to grow, and a batch whose rows are all new
  double checkpoint = 0;  // copies of rows of `tables` while a checkpoint is written; the others
                          // have theirs within tiers.dram

  double steady() const { return process + dense + tables + budgets + databases; }
  double peak() const { return steady() + reserve + growth + checkpoint; }
};

struct DiskPlan {
  double ssd = 0;               // of all databases, between compactions
  double checkpoint = 0;        // one
  double checkpoints = 0;       // those that stay, and one in the making
  double written_per_step = 0;  // rows that leave DRAM, before what compaction adds
};

struct Plan {
  std::string basis;       // what the rows and hit rates stand on, for people
  bool rows_known = true;  // of every table
  int64_t data_rows = 0;
  int64_t steps = 0;
  int64_t batches = 0;
  int64_t limit_bytes = 0;
  std::vector<TablePlan> tables;
  MemoryPlan memory;
  DiskPlan disk;
};

/// The plan of a run of `config` over data of this schema. Opens and allocates nothing. Throws
/// ConfigFaults where model, columns and tables do not fit together.
Plan make_plan(const Config& config, const data::Schema& schema, const PlanBasis& basis);

/// Throws MemoryLimitError when the budgets of all tiers together are above the limit.
void require_tiers_fit(const std::vector<embedding::TableConfig>& tables, int64_t limit_bytes);

/// Why the run will not fit, and what would help: a sentence each; none: it fits. The changes were
/// tried: with each of them alone the plan is within the limit.
std::vector<std::string> refusals(const Config& config, const data::Schema& schema,
                                  const PlanBasis& basis, const Plan& plan);

}  // namespace strata::train
