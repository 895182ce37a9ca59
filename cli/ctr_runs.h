#pragma once
// Single trainings of `strata bench ctr`, each in a process of its own.

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

namespace strata::cli {

/// One training.
struct CtrRun {
  std::string config;                   // file, looked for among the shipped ones too
  std::vector<std::string> sets;        // "key=value"
  std::string label_field;              // of CSV files, where it is not that of the config
  std::vector<std::string> test_files;  // evaluated at the end instead of the evaluation data
  std::string folder;                   // of the run; replaced
};

/// What it came to; metrics are null where undefined.
struct CtrResult {
  std::optional<double> auc;
  std::optional<double> logloss;
  std::optional<double> ne;
  std::optional<double> calibration;
  double samples_per_second = 0;
  int64_t memory_bytes = 0;  // most physical memory
  int64_t samples = 0;       // trained
  int64_t steps = 0;
};

/// Trains in a child process, so that memory is that of this run alone; progress goes to standard
/// error. Call it before any thread is started. Throws Error with the code the child ended with.
CtrResult run_apart(const CtrRun& run);

}  // namespace strata::cli
