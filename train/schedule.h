#pragma once

#include <cstdint>
#include <optional>

#include "train/schedule_config.h"
#include "train/train_config.h"
#include "train/trainer_state.h"

namespace strata::train {

/// Factor on the learning rate for update `update` >= 1 (the number of the update, from 1):
/// warm-up times decay. Warm-up: start + (1 - start) * update / warmup_steps below warmup_steps, 1
/// from there. Decay: see the structs of schedule_config.h; of a plateau, `plateau.factor`.
/// Source of warm-up and polynomial: MLPerf DLRM. Pure, thread-safe.
double schedule_factor(const ScheduleConfig& config, const PlateauState& plateau, int64_t update);

/// The schedule of one part: its own, or train.schedule.
const ScheduleConfig& schedule_of(const TrainConfig& config, Part part);

/// True when `value` betters `best` by more than min_delta, or when there is no best yet.
bool improves(EvalMetric metric, double value, const std::optional<double>& best, double min_delta);

/// Takes in an evaluation of config.metric. Returns true when the factor fell.
bool observe_plateau(const PlateauDecay& config, double value, PlateauState& state);

}  // namespace strata::train
