// Any bytes as CSV lines with a column of every type.

#include "data/line_parser.h"
#include "tests/fuzz/fuzz_lines.h"

namespace strata::data {
namespace {

Schema every_type() {
  DataConfig config;
  config.format = Format::kCsv;
  config.csv.fields = {"y", "x", "h", "d", "l", "w", "t", "g", "i"};
  config.csv.missing = {"?"};
  config.columns = {
      {.name = "y", .type = ColumnType::kLabel},
      {.name = "x", .type = ColumnType::kNumeric},
      {.name = "xb",
       .source = "x",
       .type = ColumnType::kNumeric,
       .transform = Transform::kLogSquared},
      {.name = "h", .encoding = IdEncoding::kHex},
      {.name = "d", .keys = KeyRule::kHashed, .encoding = IdEncoding::kDecimal, .buckets = 7},
      {.name = "l", .type = ColumnType::kList, .weight_separator = ":", .max_length = 3},
      {.name = "c", .type = ColumnType::kCrossed, .of = {"xb", "h", "d"}},
      {.name = "w", .type = ColumnType::kSampleWeight},
      {.name = "t", .type = ColumnType::kTime},
      {.name = "g", .type = ColumnType::kGroup},
      {.name = "i", .type = ColumnType::kId}};
  return make_schema(config);
}

}  // namespace
}  // namespace strata::data

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace strata::data;
  static const Schema schema = every_type();
  static const Layout layout(schema);
  static const auto parser = make_delimited_parser(schema, layout, true);
  fuzz_lines(*parser, schema, layout, {reinterpret_cast<const char*>(bytes), size});
  return 0;
}
