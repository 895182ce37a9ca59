#pragma once
// Integer mixing and counter-based random numbers. Pure functions: the same bits on every machine.

#include <cstdint>

namespace strata {

/// Bijection on 64-bit integers (splitmix64 finaliser, Steele et al. 2014).
constexpr uint64_t mix64(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
  return z ^ (z >> 31);
}

/// Inverse of mix64: unmix64(mix64(z)) == z.
constexpr uint64_t unmix64(uint64_t z) {
  z = (z ^ (z >> 31) ^ (z >> 62)) * 0x319642b2d24d8ec3ull;
  z = (z ^ (z >> 27) ^ (z >> 54)) * 0x96de1b173f119089ull;
  return z ^ (z >> 30) ^ (z >> 60);
}

/// Folds `value` into `state`; order matters. For seeds made of several numbers.
constexpr uint64_t combine64(uint64_t state, uint64_t value) {
  return mix64(state + 0x9e3779b97f4a7c15ull + mix64(value + 0x9e3779b97f4a7c15ull));
}

/// Random numbers addressed by counter: element i of stream `key`. Thread-safe, stateless.
struct CounterRng {
  uint64_t key;

  constexpr uint64_t bits(uint64_t i) const { return mix64(key + (i + 1) * 0x9e3779b97f4a7c15ull); }
  /// Uniform in [0, 1), 24 bits.
  constexpr float uniform(uint64_t i) const { return static_cast<float>(bits(i) >> 40) * 0x1p-24f; }
  /// Uniform integer in [0, bound); bound > 0. Bias below bound * 2^-64.
  constexpr uint64_t below(uint64_t i, uint64_t bound) const {
    return static_cast<uint64_t>((static_cast<unsigned __int128>(bits(i)) * bound) >> 64);
  }
};

}  // namespace strata
