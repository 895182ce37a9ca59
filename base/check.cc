#include "base/check.h"

namespace strata::internal {

void check_failed(const char* condition, const std::string& values, Place where) {
  throw CheckFailure(
      fmt::format("{}:{}: check failed: {} ({})", where.file, where.line, condition, values));
}

}  // namespace strata::internal
