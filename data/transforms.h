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
inline uint64_t key_of(uint64_t id, KeyRule rule, uint64_t buckets) {
  if (rule == KeyRule::kHashed) return mix64(id) % buckets;
  if (rule == KeyRule::kModulo) return id % buckets;
  return id;
}

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
