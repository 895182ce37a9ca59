#include "base/check.h"

namespace strata::internal {

void check_failed(const char* condition, const std::string& values, std::source_location where) {
  throw CheckFailure(fmt::format("{}:{}: check failed: {} ({})", where.file_name(), where.line(),
                                 condition, values));
}

}  // namespace strata::internal
