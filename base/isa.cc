#include "base/isa.h"

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "base/error.h"

namespace strata::isa {
namespace {

Level detect() {
  Level best = Level::kBaseline;
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") &&
      __builtin_cpu_supports("bmi2")) {
    best = Level::kAvx2;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl")) {
      best = Level::kAvx512;
    }
  }
#endif
  const char* asked = std::getenv("STRATA_ISA");
  if (!asked) return best;
  const std::string_view name(asked);
  if (name == "baseline") return Level::kBaseline;
  if (name == "avx2") return std::min(best, Level::kAvx2);
  if (name == "avx512") return best;
  throw Error{ErrorCode::kUsage, "STRATA_ISA: expected baseline, avx2 or avx512, got '{}'", name};
}

}  // namespace

Level level() {
  static const Level chosen = detect();
  return chosen;
}

const char* name(Level level) {
  switch (level) {
    case Level::kAvx512:
      return "avx512";
    case Level::kAvx2:
      return "avx2";
    case Level::kBaseline:
      break;
  }
  return "baseline";
}

}  // namespace strata::isa
