#pragma once

#include "base/fields.h"

namespace strata::kernels {

/// What every optimizer says about its learning rate.
inline constexpr FieldSpec kLearningRateSpec = {.doc = "Base learning rate; schedules multiply it.",
                                                .min = 0,
                                                .above_min = true,
                                                .on_resume = OnResume::kFree};

}  // namespace strata::kernels
