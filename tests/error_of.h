#pragma once

#include <gtest/gtest.h>

#include <string>

#include "base/error.h"

namespace strata {

/// Runs `body` and returns the Error it throws.
template <class F>
Error error_of(F body) {
  try {
    body();
  } catch (const Error& e) {
    return e;
  }
  ADD_FAILURE() << "nothing was thrown";
  return Error(ErrorCode::kUsage, std::string("nothing was thrown"));
}

}  // namespace strata
