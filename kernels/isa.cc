#include "kernels/isa.h"

#include <cstdlib>
#include <string_view>

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
  const Level limit = name == "baseline" ? Level::kBaseline
                      : name == "avx2"   ? Level::kAvx2
                                         : Level::kAvx512;
  return limit < best ? limit : best;
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
