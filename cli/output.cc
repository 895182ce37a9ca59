#include <cerrno>
#include <cstdio>
#include <cstring>

#include "base/error.h"
#include "cli/command.h"

namespace strata::cli {

void print_text(const std::string& text) {
  const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  if (!written || std::fflush(stdout) != 0) {
    throw Error(ErrorCode::kIo, "standard output: {}", std::strerror(errno));
  }
}

void print_json(const nlohmann::ordered_json& result) {
  constexpr auto kBroken = nlohmann::ordered_json::error_handler_t::replace;
  print_text(result.dump(-1, ' ', false, kBroken) + "\n");
}

}  // namespace strata::cli
