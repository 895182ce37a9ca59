// Any bytes as Criteo lines.

#include "data/criteo.h"
#include "data/reader_list.h"
#include "tests/fuzz/fuzz_lines.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace strata::data;
  static const Schema schema = [] {
    DataConfig config;
    config.columns = {{.preset = "criteo_bucketized"}};
    return make_schema(config);
  }();
  static const Layout layout(schema);
  static const auto labelled = make_criteo_parser(schema, layout, true);
  static const auto unlabelled = make_criteo_parser(schema, layout, false);
  const std::string_view text(reinterpret_cast<const char*>(bytes), size);
  fuzz_lines(*labelled, schema, layout, text);
  fuzz_lines(*unlabelled, schema, layout, text);
  return 0;
}
