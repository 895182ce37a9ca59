// docs/formats.md is what other implementations read; every vector in it is checked here. The
// vectors were computed apart, with Python's integers, math and xxhash packages.

#include <gtest/gtest.h>

#include <cstdlib>
#include <functional>
#include <map>
#include <numeric>
#include <sstream>

#include "data/encoder.h"
#include "data/order.h"
#include "data/selection.h"
#include "data/transforms.h"
#include "tests/data/format_vectors.h"

namespace strata::data {
namespace {

uint64_t number(const std::string& text) { return std::strtoull(text.c_str(), nullptr, 0); }
double real(const std::string& text) { return std::strtod(text.c_str(), nullptr); }

void check(const std::string& name, const std::function<void(const VectorRow&)>& one) {
  const auto rows = vectors_of(name);
  EXPECT_GE(rows.size(), 10u) << name;
  for (const VectorRow& row : rows) {
    SCOPED_TRACE(name + " " + row[0]);
    one(row);
  }
}

TEST(Formats, TextIds) {
  check("text_id",
        [](const VectorRow& r) { EXPECT_EQ(text_id(r[0], number(r[1])), number(r[2])); });
}

TEST(Formats, HexIds) {
  check("hex_id", [](const VectorRow& r) {
    uint64_t id = 0;
    EXPECT_EQ(parse_hex_id(r[0], id), r[1] != "bad");
    if (r[1] != "bad") {
      EXPECT_EQ(id, number(r[1]));
    }
  });
}

TEST(Formats, DecimalIds) {
  check("decimal_id", [](const VectorRow& r) {
    uint64_t id = 0;
    EXPECT_EQ(parse_decimal_id(r[0], id), r[1] != "bad");
    if (r[1] != "bad") {
      EXPECT_EQ(id, number(r[1]));
    }
  });
}

TEST(Formats, KeyRules) {
  check("hashed_key", [](const VectorRow& r) {
    EXPECT_EQ(KeyMaker(KeyRule::kHashed, 1000003)(number(r[0])), number(r[1]));
  });
  check("modulo_key", [](const VectorRow& r) {
    EXPECT_EQ(KeyMaker(KeyRule::kModulo, 1000003)(number(r[0])), number(r[1]));
  });
}

TEST(Formats, ModuloIsThatOfADivision) {
  const CounterRng rng{1};
  std::vector<uint64_t> divisors = {1, 2, 3, 1u << 20, uint64_t{1} << 63, (uint64_t{1} << 63) - 1};
  for (uint64_t i = 0; i < 200; ++i) divisors.push_back(1 + (rng.bits(i) >> rng.below(i, 63)));
  for (const uint64_t divisor : divisors) {
    const KeyMaker key_of(KeyRule::kModulo, divisor);
    std::vector<uint64_t> ids = {0, 1, divisor - 1, divisor, divisor + 1, ~uint64_t{0}};
    ids.push_back(~uint64_t{0} / divisor * divisor - 1);
    ids.push_back(~uint64_t{0} / divisor * divisor);
    for (uint64_t i = 0; i < 200; ++i) ids.push_back(rng.bits(1000 + i) >> rng.below(i, 63));
    for (const uint64_t id : ids) ASSERT_EQ(key_of(id), id % divisor) << id << " mod " << divisor;
  }
}

TEST(Formats, Crosses) {
  check("cross_id", [](const VectorRow& r) {
    EXPECT_EQ(cross_ids(cross_ids(kCrossSeed, number(r[0])), number(r[1])), number(r[2]));
  });
}

TEST(Formats, Logarithms) {
  check("log", [](const VectorRow& r) {
    EXPECT_EQ(log_transform(real(r[0])), static_cast<float>(real(r[1])));
  });
}

TEST(Formats, Standardised) {
  check("standardised", [](const VectorRow& r) {
    Schema schema;
    schema.fields = {"x"};
    schema.dense = {
        {.name = "x", .transform = Transform::kStandardised, .mean = 38.5, .deviation = 13.25}};
    const Layout layout(schema);
    RawColumns raw(layout);
    RowBlock rows;
    rows.start(schema);
    rows.rows = 1;
    raw.number(0)[0] = real(r[0]);
    Encoder(schema, layout).encode(raw, rows);
    EXPECT_EQ(rows.dense[0], static_cast<float>(real(r[1])));
  });
}

TEST(Formats, Boundaries) {
  const std::vector<double> boundaries = {-1.5, 0, 10, 100};
  check("boundaries",
        [&](const VectorRow& r) { EXPECT_EQ(bucket_of(real(r[0]), boundaries), number(r[1])); });
}

TEST(Formats, LogSquared) {
  check("log_squared",
        [](const VectorRow& r) { EXPECT_EQ(log_squared_bucket(real(r[0])), number(r[1])); });
}

TEST(Formats, RowOrder) {
  check("row_order", [](const VectorRow& r) {
    std::vector<int> rows(8);
    std::iota(rows.begin(), rows.end(), 0);
    shuffle_by_counter(std::span(rows), row_stream(number(r[0]), static_cast<int64_t>(number(r[1])),
                                                   static_cast<int64_t>(number(r[2]))));
    std::istringstream expected(r[3]);
    for (const int row : rows) {
      int one = -1;
      expected >> one;
      EXPECT_EQ(row, one);
    }
  });
}

TEST(Formats, RandomSplit) {
  const auto evaluation = RowSelection::side(Split::kRandom, 0.25, 10, true);
  check("random_split", [&](const VectorRow& r) {
    EXPECT_EQ(evaluation.keeps(static_cast<int64_t>(number(r[0]))), r[1] == "eval");
  });
}

TEST(Formats, NegativeSampling) {
  check("negative_sampling", [](const VectorRow& r) {
    EXPECT_EQ(keeps_negative(static_cast<int64_t>(number(r[0])), 0.6), r[1] == "kept");
  });
}

}  // namespace
}  // namespace strata::data
