#include "train/early_stopping.h"

#include "train/schedule.h"

namespace strata::train {

Verdict observe_evaluation(const EarlyStoppingConfig& config, double value, int64_t step,
                           EarlyStoppingState& state) {
  if (improves(config.metric, value, state.best, config.min_delta)) {
    state = {.best = value, .best_step = step, .bad_evaluations = 0};
    return Verdict::kBest;
  }
  ++state.bad_evaluations;
  return state.bad_evaluations >= config.patience ? Verdict::kStop : Verdict::kGoOn;
}

}  // namespace strata::train
