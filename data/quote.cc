#include "data/quote.h"

#include <fmt/format.h>

namespace strata::data {

std::string quoted(std::string_view text) {
  constexpr size_t kMost = 40;
  std::string out = "'";
  for (const char c : text.substr(0, kMost)) {
    if (c >= ' ' && c <= '~') {
      out += c;
    } else {
      out += fmt::format("\\x{:02x}", static_cast<uint8_t>(c));
    }
  }
  out += text.size() > kMost ? "…'" : "'";
  return out;
}

}  // namespace strata::data
