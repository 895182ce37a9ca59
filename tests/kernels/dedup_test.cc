#include "kernels/dedup.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>
#include <string>
#include <vector>

#include "base/hash.h"
#include "tests/sanitized.h"

namespace strata::kernels {
namespace {

enum class Keys { kEqual, kDistinct, kZipf, kFew, kSmallIntegers, kExtremes };

std::vector<uint64_t> make_keys(Keys kind, size_t n) {
  const CounterRng rng{n + 7};
  std::vector<uint64_t> keys(n);
  for (size_t i = 0; i < n; ++i) {
    const float u = rng.uniform(i);
    const auto zipf = static_cast<uint64_t>(std::pow(static_cast<double>(n), u));
    switch (kind) {
      case Keys::kEqual:
        keys[i] = 42;
        break;
      case Keys::kDistinct:
        keys[i] = mix64(i);
        break;
      case Keys::kZipf:
        keys[i] = mix64(zipf);
        break;
      case Keys::kFew:
        keys[i] = mix64(rng.below(i, 3));
        break;
      case Keys::kSmallIntegers:
        keys[i] = rng.below(i, n);
        break;  // not mixed: all in one place
      case Keys::kExtremes:
        keys[i] = rng.below(i, 2) ? ~uint64_t{0} - rng.below(i, 3) : i % 3;
        break;
    }
  }
  return keys;
}

class Dedup : public testing::TestWithParam<std::tuple<Keys, size_t>> {};
INSTANTIATE_TEST_SUITE_P(Grid, Dedup,
                         testing::Combine(testing::Values(Keys::kEqual, Keys::kDistinct,
                                                          Keys::kZipf, Keys::kFew,
                                                          Keys::kSmallIntegers, Keys::kExtremes),
                                          testing::Values(0, 1, 2, 31, 32, 33, 128, 1000, 8192,
                                                          kSanitized ? 40'000 : 100'000)));

TEST_P(Dedup, UniqueOfInverseIsTheKeysAndUniqueAscends) {
  const auto [kind, n] = GetParam();
  const std::vector<uint64_t> keys = make_keys(kind, n);
  UniqueKeys out;
  for (int round = 0; round < 2; ++round) {  // the second one reuses the buffers
    dedup(keys, out);
    const std::set<uint64_t> expected(keys.begin(), keys.end());
    ASSERT_EQ(out.unique.size(), expected.size());
    ASSERT_TRUE(std::equal(expected.begin(), expected.end(), out.unique.span().begin()));
    ASSERT_EQ(out.inverse.size(), n);
    for (size_t i = 0; i < n; ++i) ASSERT_EQ(out.unique[out.inverse[i]], keys[i]);
  }
}

TEST_P(Dedup, OccurrencesOfEachKeyComeInTheOrderAskedFor) {
  const auto [kind, n] = GetParam();
  const std::vector<uint64_t> keys = make_keys(kind, n);
  UniqueKeys out;
  dedup(keys, out);
  const auto third = static_cast<int64_t>(n / 3);
  const auto all = static_cast<int64_t>(n);
  const OccurrenceRange order[] = {{third, all}, {0, third}};
  list_occurrences(order, out);
  std::vector<std::vector<int32_t>> expected(out.unique.size());
  for (const OccurrenceRange range : order) {
    for (int64_t i = range.begin; i < range.end; ++i) {
      expected[out.inverse[i]].push_back(static_cast<int32_t>(i));
    }
  }
  ASSERT_EQ(out.begin.size(), expected.size() + 1);
  for (size_t u = 0; u < expected.size(); ++u) {
    const std::vector<int32_t> listed(out.occurrences.data() + out.begin[u],
                                      out.occurrences.data() + out.begin[u + 1]);
    ASSERT_EQ(listed, expected[u]);
  }
}

}  // namespace
}  // namespace strata::kernels
