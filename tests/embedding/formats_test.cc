// Keys and first weights of rows as docs/formats.md states them; its vectors were computed apart,
// in Python.

#include <gtest/gtest.h>

#include <cstdlib>
#include <vector>

#include "base/hash.h"
#include "embedding/collection.h"
#include "kernels/init.h"
#include "tests/data/format_vectors.h"
#include "tests/embedding/batches.h"

namespace strata::embedding {
namespace {

constexpr uint64_t kSaltOfC3 = 0xe93ee6231d214ffd;

uint64_t number(const std::string& text) { return std::strtoull(text.c_str(), nullptr, 0); }

TEST(Formats, RowKeys) {
  const Collection tables({table("C3", 1, sgd(1))}, {}, 0);
  const auto rows = vectors_of("row_key");
  EXPECT_GE(rows.size(), 10u);
  for (const VectorRow& row : rows) {
    EXPECT_EQ(tables.hash_of(0, number(row[1])), number(row[2])) << row[1];
    EXPECT_EQ(mix64(number(row[1]) ^ kSaltOfC3), number(row[2])) << row[1];
  }
}

TEST(Formats, FirstWeights) {
  const auto rows = vectors_of("first_weight");
  EXPECT_GE(rows.size(), 10u);
  for (const VectorRow& row : rows) {
    const uint64_t h = mix64(number(row[1]) ^ kSaltOfC3);
    std::vector<float> weights(16);
    kernels::init_weights({}, kernels::init_random(number(row[0]), kSaltOfC3, h), 16, weights);
    const double expected = std::strtod(row[3].c_str(), nullptr);
    EXPECT_EQ(weights[number(row[2])], static_cast<float>(expected)) << row[1];
  }
}

}  // namespace
}  // namespace strata::embedding
