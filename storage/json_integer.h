#pragma once

#include <concepts>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/error.h"

namespace strata::storage {

/// A whole number of a file that may be damaged. json.get<T>() would cast a fraction, whatever its
/// size, and cut what does not fit; here both are Error{corrupt}.
template <std::integral T>
T json_integer(const nlohmann::json& json) {
  const bool fits = json.is_number_unsigned()
                        ? std::in_range<T>(json.get<uint64_t>())
                        : json.is_number_integer() && std::in_range<T>(json.get<int64_t>());
  if (!fits) throw Error{ErrorCode::kCorrupt, "{} is not a whole number in range", json.dump()};
  return json.get<T>();
}

}  // namespace strata::storage
