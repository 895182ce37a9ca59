#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <new>

#include "base/check.h"
#include "base/error.h"
#include "cli/command.h"
#include "train/config_problems.h"

namespace strata::cli {
namespace {

constexpr int kInternal = 70;

}  // namespace

int report_error(const Context& context, int exit_code, const std::string& message) {
  fmt::print(stderr, "{}\n", message);
  if (context.json) print_json({{"error", message}, {"exit_code", exit_code}});
  return exit_code;
}

int guarded(const Context& context, const std::function<int()>& body) {
  try {
    return body();
  } catch (const train::ConfigError& e) {
    return report_error(context, e.exit_code(), e.what());  // laid out like a compiler's messages
  } catch (const Error& e) {
    return report_error(context, e.exit_code(), fmt::format("strata: error: {}", e.what()));
  } catch (const std::bad_alloc&) {
    const int code = static_cast<int>(ErrorCode::kResource);
    return report_error(context, code, "strata: error: out of memory");
  } catch (const CheckFailure& e) {
    return report_error(
        context, kInternal,
        fmt::format("strata: internal error: {}\nThis is a defect of strata {}: please "
                    "report it, with the command line and this text.",
                    e.what(), STRATA_VERSION));
  } catch (const std::exception& e) {
    return report_error(context, kInternal,
                        fmt::format("strata: internal error: {}\nplease report it", e.what()));
  }
}

}  // namespace strata::cli
