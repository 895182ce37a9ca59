// Writes one small export per model below the folder given: input of check_exports.py.

#include <iostream>

#include "base/error.h"
#include "serving/export.h"
#include "tests/serving/trained_network.h"

int main(int argc, char** argv) {
  using namespace strata;
  if (argc != 2) return 2;
  ThreadPool pool(1);
  const data::Schema schema = serving::small_schema();
  const auto variants = serving::small_models();
  try {
    for (size_t i = 0; i < variants.size(); ++i) {
      const auto network = serving::trained_network(serving::small_config(variants[i]), 8, pool);
      const std::string name =
          std::visit([](const auto& m) { return m.kName; }, variants[i]).data();
      const auto files = storage::open_file_system(fmt::format("{}/{}-{}", argv[1], i, name),
                                                   storage::IfAbsent::kCreate);
      serving::export_network(
          *files, {.network = *network, .schema = schema, .step = 8, .samples = 256, .metrics = {}},
          {}, pool);
    }
  } catch (const Error& e) {
    std::cerr << e.what() << "\n";
    return e.exit_code();
  }
  return 0;
}
