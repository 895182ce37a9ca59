#include "data/transforms.h"

#include <xxhash.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <limits>

namespace strata::data {
namespace {

template <class T>
bool parse_all(std::string_view text, T& out, int base = 10) {
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, out, base);
  return error == std::errc{} && stop == end && !text.empty();
}

/// from_chars knows no plus sign.
std::string_view without_plus(std::string_view text) {
  const bool plus = text.size() > 1 && text[0] == '+' && text[1] != '-' && text[1] != '+';
  return plus ? text.substr(1) : text;
}

/// Bytes of the sequence that `lead` begins; 0 where none may begin with it.
int sequence_bytes(uint8_t lead) {
  if (lead < 0x80) return 1;
  if (lead >= 0xc2 && lead <= 0xdf) return 2;
  if (lead >= 0xe0 && lead <= 0xef) return 3;
  if (lead >= 0xf0 && lead <= 0xf4) return 4;
  return 0;
}

/// The second byte rules out overlong forms, surrogates and code points above U+10FFFF.
bool second_byte_fits(uint8_t lead, uint8_t second) {
  if (lead == 0xe0) return second >= 0xa0;
  if (lead == 0xed) return second <= 0x9f;
  if (lead == 0xf0) return second >= 0x90;
  if (lead == 0xf4) return second <= 0x8f;
  return true;
}

bool is_continuation(char c) { return (static_cast<uint8_t>(c) & 0xc0) == 0x80; }

}  // namespace

uint64_t text_id(std::string_view text, uint64_t seed) {
  return XXH3_64bits_withSeed(text.data(), text.size(), seed);
}

uint64_t bucket_of(double x, std::span<const double> boundaries) {
  const auto after = std::upper_bound(boundaries.begin(), boundaries.end(), x);
  return static_cast<uint64_t>(after - boundaries.begin());
}

uint64_t log_squared_bucket(double x) {
  if (x > 2) {
    const double logarithm = std::log(x);
    return static_cast<uint64_t>(logarithm * logarithm) + 3;
  }
  const double low = std::max(std::floor(x), -0x1p62);
  return static_cast<uint64_t>(static_cast<int64_t>(low));
}

bool parse_number(std::string_view text, double& out) {
  text = without_plus(text);
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, out);
  if (stop != end || text.empty()) return false;
  if (error == std::errc::result_out_of_range) {
    // Too large counts as infinite, too small as zero.
    const bool negative = text[0] == '-';
    const size_t exponent = text.find_first_of("eE");
    const bool tiny = exponent != std::string_view::npos && text[exponent + 1] == '-';
    const double size = tiny ? 0 : std::numeric_limits<double>::infinity();
    out = negative ? -size : size;
    return true;
  }
  return error == std::errc{};
}

bool parse_integer(std::string_view text, int64_t& out) {
  return parse_all(without_plus(text), out);
}

bool parse_decimal_id(std::string_view text, uint64_t& out) {
  if (!text.starts_with('-')) return parse_all(without_plus(text), out);
  int64_t negative = 0;
  if (!parse_all(text, negative)) return false;
  out = static_cast<uint64_t>(negative);
  return true;
}

bool parse_hex_id(std::string_view text, uint64_t& out) {
  return text.size() <= 16 && !text.starts_with('-') && parse_all(text, out, 16);
}

bool is_utf8(std::string_view text) {
  size_t i = 0;
  while (i < text.size()) {
    uint64_t word;
    if (i + 8 <= text.size()) {
      std::memcpy(&word, text.data() + i, 8);
      if ((word & 0x8080808080808080ull) == 0) {
        i += 8;
        continue;
      }
    }
    const auto lead = static_cast<uint8_t>(text[i]);
    const int bytes = sequence_bytes(lead);
    if (bytes == 0 || i + static_cast<size_t>(bytes) > text.size()) return false;
    if (bytes > 1 && !second_byte_fits(lead, static_cast<uint8_t>(text[i + 1]))) return false;
    for (int k = 1; k < bytes; ++k) {
      if (!is_continuation(text[i + static_cast<size_t>(k)])) return false;
    }
    i += static_cast<size_t>(bytes);
  }
  return true;
}

}  // namespace strata::data
