#pragma once

#include <cstdint>
#include <unordered_set>
#include <vector>

namespace strata::data {

/// Counts distinct 64-bit values: exactly up to kExact of them, beyond that by HyperLogLog with
/// 2^14 registers (standard error 0.8 %; Flajolet et al. 2007). The count does not depend on the
/// order of the values.
class DistinctCounter {
 public:
  static constexpr int64_t kExact = 65536;

  DistinctCounter();

  void add(uint64_t value);
  bool exact() const { return exact_; }
  double count() const;

 private:
  static constexpr int kRegisterBits = 14;

  bool exact_ = true;
  uint64_t last_ = 0;  // columns repeat values: the commonest short cut
  bool any_ = false;
  std::unordered_set<uint64_t> values_;
  std::vector<uint8_t> registers_;
};

}  // namespace strata::data
