#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "kernels/metrics.h"
#include "storage/tiered_table.h"
#include "train/training_loop.h"

namespace strata::train {

/// What a training run came to.
struct RunResult {
  RunEnd end = RunEnd::kFinished;
  std::string run;                                 // the folder
  std::string checkpoint;                          // the current one, within the folder
  int64_t steps = 0;                               // updates, earlier sessions included
  int64_t samples = 0;                             // trained, likewise
  double samples_per_second = 0;                   // of this session, training alone
  double train_seconds = 0;                        // earlier sessions included
  int64_t bad_rows = 0;                            // skipped in this session
  int64_t table_rows = 0;                          // of all tables
  int64_t memory_bytes = 0;                        // most physical memory this process has used
  std::optional<storage::TierCounts> tiers;        // of the tables with an SSD tier, this session
  std::optional<kernels::EvalMetrics> evaluation;  // of the current checkpoint

  /// 0, or 75 for a run that was stopped and can be resumed.
  int exit_code() const;
};

/// The object `strata train --json` prints: auc, logloss, ne, calibration (null where undefined or
/// not evaluated), samples, samples_per_second, steps, checkpoint and the rest of the fields.
nlohmann::ordered_json to_json(const RunResult& result);

/// The same as a table for people, with the commands that come next.
std::string format_result(const RunResult& result);

}  // namespace strata::train
