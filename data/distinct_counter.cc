#include "data/distinct_counter.h"

#include <algorithm>
#include <cmath>

#include "base/hash.h"

namespace strata::data {

DistinctCounter::DistinctCounter() : registers_(size_t{1} << kRegisterBits) {}

void DistinctCounter::add(uint64_t value) {
  if (any_ && value == last_) return;
  any_ = true;
  last_ = value;
  const uint64_t hash = mix64(value + 0x9e3779b97f4a7c15ull);
  const size_t place = hash >> (64 - kRegisterBits);
  const uint64_t rest = (hash << kRegisterBits) | (uint64_t{1} << (kRegisterBits - 1));
  const auto rank = static_cast<uint8_t>(__builtin_clzll(rest) + 1);
  registers_[place] = std::max(registers_[place], rank);
  if (!exact_) return;
  values_.insert(value);
  if (std::ssize(values_) <= kExact) return;
  exact_ = false;
  values_ = {};
}

double DistinctCounter::count() const {
  if (exact_) return static_cast<double>(values_.size());
  const auto registers = static_cast<double>(registers_.size());
  double sum = 0;
  for (const uint8_t rank : registers_) sum += std::ldexp(1.0, -rank);
  // Above kExact values no register is likely empty: the raw estimate needs no correction, and 64
  // bits need none for large counts.
  return 0.7213 / (1 + 1.079 / registers) * registers * registers / sum;
}

}  // namespace strata::data
