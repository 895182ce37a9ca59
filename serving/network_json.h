#pragma once
// A network's shape as JSON, so that an export can be loaded without the training config.

#include <nlohmann/json.hpp>

#include "models/network.h"

namespace strata::serving {

/// Model, input and tables of `config`. Optimizers are left out: an export does not train.
nlohmann::ordered_json to_json(const models::NetworkConfig& config);

/// Inverse of to_json, strict: unknown members, wrong types and values out of range throw
/// Error{corrupt} naming the member. Tables get plain SGD, which keeps no state.
models::NetworkConfig network_config_from_json(const nlohmann::ordered_json& json);

}  // namespace strata::serving
