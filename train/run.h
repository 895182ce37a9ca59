#pragma once

#include <cstdio>
#include <stop_token>
#include <string>
#include <vector>

#include "train/config.h"
#include "train/run_folder.h"
#include "train/run_result.h"

namespace strata::train {

/// Which checkpoint a resumed run continues from.
enum class ResumeFrom : uint8_t {
  kAuto,     // the newest that verifies; a folder without a run starts one
  kCurrent,  // the one CURRENT names, or none at all
};

/// One `strata train`.
struct RunRequest {
  Config config;
  StartMode start = StartMode::kNew;
  ResumeFrom resume = ResumeFrom::kAuto;  // with kResume
  std::vector<std::string> allow_change;  // keys a resume may change all the same
  bool reinit_missing_state = false;      // optimizer state missing in the checkpoint starts afresh
  bool allow_nonfinite = false;           // rows that are not finite are loaded
  std::stop_token stop;                   // requested: finish the step, save, return kStopped
  std::FILE* out = nullptr;               // progress; null: none
  bool terminal = false;                  // whether `out` is one
  std::string command_line;               // for env.json
};

/// Trains: opens the folder of the run, fits or loads the schema, builds the model, restores a
/// checkpoint if asked, and runs the loop to its end. Throws Error of every code but stopped; a
/// stopped run is a result. Exclusive in its folder.
RunResult run_training(const RunRequest& request);

}  // namespace strata::train
