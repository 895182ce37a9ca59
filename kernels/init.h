#pragma once
// First weights of a row, from (seed, table, key, element) alone: a row is the same wherever and
// whenever it is made, on every instruction set.

#include <cstdint>
#include <span>
#include <string_view>
#include <variant>

#include "base/fields.h"
#include "base/hash.h"
#include "kernels/optimizer_config.h"
#include "kernels/rows.h"

namespace strata::kernels {

/// Every weight is `value`.
struct ConstantInit {
  static constexpr std::string_view kName = "constant";
  float value = 0;
  template <class V>
  void visit(V& v) {
    v("value", value, {.doc = "Every weight of a new row."});
  }
};

/// Uniform in [low, high).
struct UniformInit {
  static constexpr std::string_view kName = "uniform";
  float low = -0.01f;
  float high = 0.01f;
  template <class V>
  void visit(V& v) {
    v("low", low, {.doc = "Lowest first weight."});
    v("high", high, {.doc = "Upper end of the first weights."});
  }
};

/// Gaussian.
struct NormalInit {
  static constexpr std::string_view kName = "normal";
  float mean = 0;
  float std = 0.01f;
  template <class V>
  void visit(V& v) {
    v("mean", mean, {.doc = "Mean of the first weights."});
    v("std", std, {.doc = "Standard deviation of the first weights.", .min = 0});
  }
};

/// Gaussian cut at two standard deviations (of the uncut one) around its mean.
struct TruncatedNormalInit {
  static constexpr std::string_view kName = "truncated_normal";
  float mean = 0;
  float std = 0.01f;
  template <class V>
  void visit(V& v) {
    v("mean", mean, {.doc = "Mean of the first weights."});
    v("std", std, {.doc = "Standard deviation before cutting at mean +- 2 std.", .min = 0});
  }
};

/// Uniform in [-gain / sqrt(dim), gain / sqrt(dim)): rows of any width start about equally long.
/// The number of rows of a growing table is unknown, so Glorot's fan-in is left out.
struct ScaledUniformInit {
  static constexpr std::string_view kName = "scaled_uniform";
  float gain = 1;
  template <class V>
  void visit(V& v) {
    v("gain", gain, {.doc = "First weights are below gain / sqrt(dim) in size.", .min = 0});
  }
};

using InitVariant =
    std::variant<UniformInit, ConstantInit, NormalInit, TruncatedNormalInit, ScaledUniformInit>;

/// YAML: one flat map: init: {name: normal, std: 0.0001}.
struct InitConfig {
  InitVariant algorithm = UniformInit{};
  template <class V>
  void visit(V& v) {
    v.flatten(algorithm);
  }
};

/// Random stream of row `h` of the table with `table_salt` in a run with `seed`.
constexpr CounterRng init_random(uint64_t seed, uint64_t table_salt, uint64_t h) {
  return CounterRng{mix64(combine64(seed, table_salt) ^ h)};
}

/// out [n] <- elements 0 … n - 1 of `random` under `config`; `dim` is what scaled_uniform scales by
/// (for a row: n == dim). Thread-safe.
void init_weights(const InitConfig& config, CounterRng random, int dim, std::span<float> out);

/// Rows to be made.
struct InitRows {
  RowsRef rows;
  RowLayout layout;
  std::span<const int64_t> slots;  // [C]; distinct; negative is skipped
  const uint64_t* keys = nullptr;  // [C] h
  uint64_t seed = 0;
  uint64_t table_salt = 0;
  uint32_t stamp = 0;
};

/// Writes whole rows: weights rounded to nearest, the optimizer's first state, stamp, counters 0.
/// Threads may share a table when their slots are disjoint.
void init_rows(const InitConfig& config, const OptimizerConfig& optimizer, const InitRows& args);

}  // namespace strata::kernels
