// Any bytes as a config: a Config, or an Error that says what is wrong; never a crash or a hang.
// Seeds: the configs that ship.

#include <cstdint>
#include <string>

#include "base/check.h"
#include "base/error.h"
#include "train/config.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  try {
    strata::train::parse_config(text, "fuzz.yaml");
  } catch (const strata::Error& error) {
    const bool expected = error.exit_code() == 78 || error.exit_code() == 71;
    STRATA_CHECK(expected, "code", error.exit_code());
  }
  return 0;
}
