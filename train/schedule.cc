#include "train/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <variant>

#include "base/check.h"

namespace strata::train {
namespace {

double warmup_factor(const ScheduleConfig& config, int64_t update) {
  if (update >= config.warmup_steps) return 1;
  const double done = static_cast<double>(update) / static_cast<double>(config.warmup_steps);
  return config.warmup_start + (1 - config.warmup_start) * done;
}

/// Share of the decay that is over at `update`, in [0, 1].
double progress(int64_t start, int64_t steps, int64_t update) {
  const int64_t done = std::clamp<int64_t>(update - start, 0, steps);
  return static_cast<double>(done) / static_cast<double>(steps);
}

struct DecayFactor {
  const PlateauState& plateau;
  int64_t update;

  double operator()(const ConstantDecay&) const { return 1; }
  double operator()(const PolynomialDecay& decay) const {
    const double left = 1 - progress(decay.start, decay.steps, update);
    return decay.end + (1 - decay.end) * std::pow(left, decay.power);
  }
  double operator()(const CosineDecay& decay) const {
    const double angle = std::numbers::pi * progress(decay.start, decay.steps, update);
    return decay.end + (1 - decay.end) * (1 + std::cos(angle)) / 2;
  }
  double operator()(const PlateauDecay&) const { return plateau.factor; }
};

}  // namespace

double schedule_factor(const ScheduleConfig& config, const PlateauState& plateau, int64_t update) {
  STRATA_CHECK(update >= 1, "updates are counted from 1", update);
  return warmup_factor(config, update) * std::visit(DecayFactor{plateau, update}, config.decay);
}

const ScheduleConfig& schedule_of(const TrainConfig& config, Part part) {
  const std::optional<ScheduleConfig>* own = &config.schedules.dense;
  if (part == Part::kTables) own = &config.schedules.tables;
  if (part == Part::kWide) own = &config.schedules.wide;
  return own->has_value() ? **own : config.schedule;
}

bool improves(EvalMetric metric, double value, const std::optional<double>& best,
              double min_delta) {
  if (!best) return true;
  return larger_is_better(metric) ? value > *best + min_delta : value < *best - min_delta;
}

bool observe_plateau(const PlateauDecay& config, double value, PlateauState& state) {
  if (improves(config.metric, value, state.best, config.min_delta)) {
    state.best = value;
    state.bad_evaluations = 0;
    return false;
  }
  if (++state.bad_evaluations < config.patience) return false;
  state.bad_evaluations = 0;
  const double lower = std::max(state.factor * config.factor, config.end);
  const bool fell = lower < state.factor;
  state.factor = lower;
  return fell;
}

}  // namespace strata::train
