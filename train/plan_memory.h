#pragma once
// The memory part of a plan; an implementation detail of plan*.cc.

#include "train/plan.h"

namespace strata::train {

MemoryPlan plan_memory(const Config& config, const models::NetworkConfig& network,
                       const Plan& plan);

}  // namespace strata::train
