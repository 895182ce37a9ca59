#pragma once
// One body, compiled for three instruction sets, chosen once at start-up. Works in g++, clang and
// under TSan, unlike target_clones. Usage:
//
//   struct AddRows {
//     struct Args { const float* a; float* out; int64_t n; };
//     STRATA_ALWAYS_INLINE static void run(const Args& args) { …loops… }
//   };
//   void add_rows_cpu(const AddRows::Args& args) { isa::dispatch<AddRows>(args); }
//
// Everything `run` calls must itself be STRATA_ALWAYS_INLINE (or a template that inlines), or it is
// compiled for the baseline. Determinism holds on one instruction set (DESIGN).

#define STRATA_ALWAYS_INLINE inline __attribute__((always_inline))

#if defined(__CUDACC__)
#define STRATA_HD __host__ __device__
#else
#define STRATA_HD
#endif

namespace strata::isa {

enum class Level { kBaseline, kAvx2, kAvx512 };

/// The best level of this CPU, or the lower one that STRATA_ISA=baseline|avx2|avx512 asks for.
/// Throws Error{usage} for another word there.
Level level();
const char* name(Level level);

#if defined(__x86_64__)
#if defined(__clang__)
#define STRATA_TARGET_AVX512 "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c,bmi,bmi2,lzcnt"
#else
#define STRATA_TARGET_AVX512 \
  "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c,bmi,bmi2,lzcnt,prefer-vector-width=512"
#endif
#endif

// Sanitizers watch one body; three instrumented copies of each only cost minutes of compiling.
#if defined(__x86_64__) && !defined(STRATA_SANITIZED)
#define STRATA_ISA_LEVELS 1

template <class Kernel, class Args>
__attribute__((target("avx2,fma,f16c,bmi,bmi2,lzcnt"))) void run_avx2(const Args& args) {
  Kernel::run(args);
}
template <class Kernel, class Args>
__attribute__((target(STRATA_TARGET_AVX512))) void run_avx512(const Args& args) {
  Kernel::run(args);
}
#endif

template <class Kernel, class Args>
void dispatch(const Args& args) {
#if defined(STRATA_ISA_LEVELS)
  switch (level()) {
    case Level::kAvx512:
      return run_avx512<Kernel>(args);
    case Level::kAvx2:
      return run_avx2<Kernel>(args);
    case Level::kBaseline:
      break;
  }
#endif
  Kernel::run(args);
}

}  // namespace strata::isa
