#pragma once

#include <cstdint>
#include <string_view>
#include <variant>

#include "base/fields.h"
#include "train/eval_metric.h"

namespace strata::train {

/// The rate stays where warm-up left it.
struct ConstantDecay {
  static constexpr std::string_view kName = "constant";
  template <class V>
  void visit(V&) {}
};

/// factor = end + (1 - end) * (1 - (n - start) / steps)^power for update n in [start, start+steps),
/// 1 before, `end` after. MLPerf DLRM: start 49,315, steps 27,772, power 2.
struct PolynomialDecay {
  static constexpr std::string_view kName = "polynomial";
  int64_t start = 0;
  int64_t steps = 100'000;
  double power = 1;
  double end = 0;

  template <class V>
  void visit(V& v) {
    v("start", start,
      {.doc = "Update at which the decay begins.", .min = 0, .on_resume = OnResume::kFree});
    v("steps", steps,
      {.doc = "Length of the decay in updates.", .min = 1, .on_resume = OnResume::kFree});
    v("power", power,
      {.doc = "Exponent: 1 is linear.", .min = 0, .above_min = true, .on_resume = OnResume::kFree});
    v("end", end,
      {.doc = "Factor on the rate after the decay.",
       .min = 0,
       .max = 1,
       .on_resume = OnResume::kFree});
  }
};

/// factor = end + (1 - end) * (1 + cos(pi * (n - start) / steps)) / 2 for update n in
/// [start, start+steps), 1 before, `end` after (Loshchilov & Hutter 2017, without restarts).
struct CosineDecay {
  static constexpr std::string_view kName = "cosine";
  int64_t start = 0;
  int64_t steps = 100'000;
  double end = 0;

  template <class V>
  void visit(V& v) {
    v("start", start,
      {.doc = "Update at which the decay begins.", .min = 0, .on_resume = OnResume::kFree});
    v("steps", steps,
      {.doc = "Length of the decay in updates.", .min = 1, .on_resume = OnResume::kFree});
    v("end", end,
      {.doc = "Factor on the rate after the decay.",
       .min = 0,
       .max = 1,
       .on_resume = OnResume::kFree});
  }
};

/// The rate is multiplied by `factor` after every `patience` evaluations in a row that did not
/// improve the best value of `metric` by more than `min_delta`.
struct PlateauDecay {
  static constexpr std::string_view kName = "plateau";
  EvalMetric metric = EvalMetric::kLogloss;
  double factor = 0.1;
  int64_t patience = 1;
  double min_delta = 0;
  double end = 1e-6;

  template <class V>
  void visit(V& v) {
    v("metric", metric,
      {.doc = "Evaluation metric that is watched.", .on_resume = OnResume::kFree});
    v("factor", factor,
      {.doc = "What a plateau multiplies the rate by.",
       .min = 0,
       .max = 1,
       .above_min = true,
       .on_resume = OnResume::kFree});
    v("patience", patience,
      {.doc = "Evaluations in a row without improvement that make a plateau.",
       .min = 1,
       .on_resume = OnResume::kFree});
    v("min_delta", min_delta,
      {.doc = "A smaller change of the metric is no improvement.",
       .min = 0,
       .on_resume = OnResume::kFree});
    v("end", end,
      {.doc = "The factor on the rate never falls below this.",
       .min = 0,
       .max = 1,
       .on_resume = OnResume::kFree});
  }
};

/// How a learning rate moves: rate(n) = learning_rate * warm-up(n) * decay(n), n the number of the
/// update counted from 1. Warm-up rises linearly from warmup_start to 1 over warmup_steps updates.
struct ScheduleConfig {
  int64_t warmup_steps = 0;
  double warmup_start = 0;
  std::variant<ConstantDecay, PolynomialDecay, CosineDecay, PlateauDecay> decay{};

  template <class V>
  void visit(V& v) {
    v("warmup_steps", warmup_steps,
      {.doc = "Updates over which the rate rises to its full value; 0: none.",
       .min = 0,
       .on_resume = OnResume::kFree});
    v("warmup_start", warmup_start,
      {.doc = "Factor on the rate at update 0 of the warm-up.",
       .min = 0,
       .max = 1,
       .on_resume = OnResume::kFree});
    v("decay", decay,
      {.doc = "constant | polynomial | cosine | plateau.", .on_resume = OnResume::kFree});
  }
};

}  // namespace strata::train
