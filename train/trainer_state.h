#pragma once

#include <array>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/batch.h"
#include "kernels/metrics.h"

namespace strata::train {

/// Parts of the model whose rates are scheduled apart.
enum class Part : uint8_t { kDense, kTables, kWide };
inline constexpr int kParts = 3;

/// What reduce-on-plateau remembers between evaluations.
struct PlateauState {
  double factor = 1;
  std::optional<double> best;
  int64_t bad_evaluations = 0;
  bool operator==(const PlateauState&) const = default;
};

/// What early stopping remembers between evaluations.
struct EarlyStoppingState {
  std::optional<double> best;
  int64_t best_step = 0;
  int64_t bad_evaluations = 0;
  bool operator==(const EarlyStoppingState&) const = default;
};

/// Running loss and AUC of the training batches; every sum forgets exponentially (progress.h).
struct RunningState {
  double loss_sum = 0;
  double weight_sum = 0;
  std::vector<double> positives;  // weight per bin of the logit; empty until the first batch
  std::vector<double> negatives;
  bool operator==(const RunningState&) const = default;
};

/// Everything the trainer itself carries from one update to the next. Tables, dense tensors and
/// their optimizer state are saved beside it; random numbers are counted from (seed, step), so the
/// two numbers are all there is to save of them. Taken between updates only.
struct TrainerState {
  int64_t step = 0;           // updates done
  int64_t samples = 0;        // samples trained, over all epochs
  uint64_t seed = 0;          // train.seed of the run
  BatchPosition next;         // the first batch that has not been trained
  uint64_t input_digest = 0;  // data::Reader::input_digest: the order means nothing on other data
  std::array<PlateauState, kParts> plateaus;
  EarlyStoppingState early_stopping;
  RunningState running;
  double train_seconds = 0;           // time spent so far, earlier sessions included
  int64_t last_evaluation_step = -1;  // update after which the evaluation ran last; -1: never
  std::optional<kernels::EvalMetrics> last_evaluation;
  std::optional<kernels::EvalMetrics> best_evaluation;  // of early stopping
  bool operator==(const TrainerState&) const = default;
};

/// Metrics by their names in --json output and metrics.jsonl; undefined ones are null.
nlohmann::ordered_json to_json(const kernels::EvalMetrics& metrics);

/// One JSON object; numbers keep every bit. Thread-safe.
std::string to_json(const TrainerState& state);

/// Inverse of to_json. Throws Error{corrupt} naming the field that is missing or of a wrong type.
TrainerState trainer_state_from_json(const std::string& text);

}  // namespace strata::train
