#pragma once

#include <cstdint>

#include "train/train_config.h"
#include "train/trainer_state.h"

namespace strata::train {

/// What an evaluation means for the run.
enum class Verdict : uint8_t {
  kBest,  // the best so far: worth keeping
  kGoOn,  // no better, patience left
  kStop,  // patience is used up
};

/// Takes in the watched metric of the evaluation after update `step`. Pure but for `state`.
Verdict observe_evaluation(const EarlyStoppingConfig& config, double value, int64_t step,
                           EarlyStoppingState& state);

}  // namespace strata::train
