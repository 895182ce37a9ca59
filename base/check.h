#pragma once
// Programmer errors: always on, never a user's fault. The process ends with exit code 70.

#include <fmt/format.h>

#include <stdexcept>
#include <string>

namespace strata {

/// A broken invariant. cli/ prints it with a request to report it, and exits 70.
class CheckFailure : public std::logic_error {
 public:
  using std::logic_error::logic_error;
};

namespace internal {

/// Where a check stands: std::source_location, which clang 14 does not have.
struct Place {
  const char* file;
  int line;
};

[[noreturn]] void check_failed(const char* condition, const std::string& values, Place where);

template <class... Values>
std::string describe(std::string_view text, const Values&... values) {
  std::string out(text);
  ((out += fmt::format(" {}", values)), ...);
  return out;
}

}  // namespace internal
}  // namespace strata

/// STRATA_CHECK(cond, "text", values…): throws CheckFailure with file, line and values.
#define STRATA_CHECK(condition, ...)                                                          \
  do {                                                                                        \
    if (!(condition)) [[unlikely]]                                                            \
      ::strata::internal::check_failed(#condition, ::strata::internal::describe(__VA_ARGS__), \
                                       {__FILE__, __LINE__});                                 \
  } while (false)

#ifdef NDEBUG
#define STRATA_DCHECK(condition, ...) \
  do {                                \
  } while (false)
#else
#define STRATA_DCHECK(condition, ...) STRATA_CHECK(condition, __VA_ARGS__)
#endif
