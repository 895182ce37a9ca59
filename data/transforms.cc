#include "data/transforms.h"

#include <xxhash.h>

#include <algorithm>
#include <charconv>
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

}  // namespace strata::data
