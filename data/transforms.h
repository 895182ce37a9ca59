#pragma once
// The formulas of the input, with no state: docs/formats.md lists them with test vectors.

#include <cmath>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/hash.h"
#include "data/config.h"

namespace strata::data {

/// Id of a text: XXH3-64 of its UTF-8 bytes under `seed`.
uint64_t text_id(std::string_view text, uint64_t seed);

/// Id of a crossed feature: combine64 folded over its parents' ids (before their key rules),
/// starting from kCrossSeed.
inline constexpr uint64_t kCrossSeed = 0x63726f7373ull;  // "cross"
inline uint64_t cross_ids(uint64_t state, uint64_t parent_id) {
  return combine64(state, parent_id);
}

/// The key of an id: the id itself, mix64(id) mod buckets, or id mod buckets.
class KeyMaker {
 public:
  KeyMaker(KeyRule rule, uint64_t buckets)
      : rule_(rule), buckets_(buckets), reciprocal_(buckets == 0 ? 0 : ~uint64_t{0} / buckets) {}
  uint64_t operator()(uint64_t id) const {
    if (rule_ == KeyRule::kExact) return id;
    return modulo(rule_ == KeyRule::kHashed ? mix64(id) : id);
  }

 private:
  /// x mod buckets without a division: the estimate of the quotient is at most one too low.
  uint64_t modulo(uint64_t x) const {
    const auto product = static_cast<unsigned __int128>(x) * reciprocal_;
    const uint64_t rest = x - static_cast<uint64_t>(product >> 64) * buckets_;
    return rest < buckets_ ? rest : rest - buckets_;
  }

  KeyRule rule_;
  uint64_t buckets_;
  uint64_t reciprocal_;
};

/// log(1 + max(x, 0)), rounded to float once.
inline float log_transform(double x) { return static_cast<float>(std::log1p(x > 0 ? x : 0)); }

/// Number of boundaries b (ascending) with b <= x.
uint64_t bucket_of(double x, std::span<const double> boundaries);

/// Above 2: floor(log(x)^2) + 3; else floor(x), negative numbers in two's complement. The buckets
/// of the Criteo contest's winners, as integers without collision.
uint64_t log_squared_bucket(double x);

/// A number of a CSV field: decimal or scientific, optional sign; also nan and inf, for the caller
/// to judge. False when `text` is anything else.
bool parse_number(std::string_view text, double& out);

/// A decimal 64-bit integer, optional sign. False on anything else and on overflow.
bool parse_integer(std::string_view text, int64_t& out);

/// A decimal id: 0 … 2^64 - 1, or a negative integer in two's complement.
bool parse_decimal_id(std::string_view text, uint64_t& out);

/// 1 to 16 hexadecimal digits of either case.
bool parse_hex_id(std::string_view text, uint64_t& out);

}  // namespace strata::data
