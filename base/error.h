#pragma once
// World errors: what a user can cause or mend. Programmer errors are STRATA_CHECK (base/check.h);
// expected outcomes (key absent, end of data) are return values.

#include <fmt/core.h>

#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>

namespace strata {

/// Why a run ended; the value is the process exit code (README, "Exit codes").
enum class ErrorCode : int {
  kUsage = 2,      // the command line makes no sense
  kData = 65,      // training or evaluation data is bad beyond the policy
  kMissing = 66,   // an input does not exist
  kComm = 69,      // a peer is unavailable
  kDevice = 70,    // a device was lost
  kResource = 71,  // does not fit in memory
  kIo = 74,        // read, write, permission, disk full
  kStopped = 75,   // stopped on request; resumable
  kCorrupt = 76,   // checkpoint or export is damaged
  kAuth = 77,      // not authorised
  kConfig = 78,    // configuration is wrong
  kDiverged = 79,  // loss or weights are not finite
};

/// Thrown for every world error; caught in cli/ only. Context is added on the way up.
class Error : public std::runtime_error {
 public:
  Error(ErrorCode code, const std::string& message) : std::runtime_error(message), code_(code) {}

  template <class... Args>
  Error(ErrorCode code, fmt::format_string<Args...> format, Args&&... args)
      : Error(code, fmt::format(format, std::forward<Args>(args)...)) {}

  ErrorCode code() const noexcept { return code_; }
  int exit_code() const noexcept { return static_cast<int>(code_); }

  /// The same error with "context: " before its message.
  Error in(std::string_view context) const { return Error(code_, "{}: {}", context, what()); }

 private:
  ErrorCode code_;
};

/// Runs `body`; an Error that leaves it carries `context` in front.
template <class F>
decltype(auto) with_context(std::string_view context, F&& body) {
  try {
    return std::forward<F>(body)();
  } catch (const Error& e) {
    throw e.in(context);
  }
}

}  // namespace strata
