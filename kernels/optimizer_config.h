#pragma once
// How a table or a dense part is optimised: one formula of optimizer_list.h plus what applies to
// every formula alike (mode, L2, decoupled weight decay).

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/fields.h"
#include "kernels/optimizer_list.h"
#include "kernels/rows.h"

namespace strata::kernels {

/// What happens to rows that a batch does not touch.
enum class OptimizerMode : uint8_t {
  kLazy,   // nothing: momentum, decay and regularisation act on touched rows only
  kExact,  // as the dense optimizer: missed steps are replayed before the row is next used
};

/// The constants of one step: made once per step on the host, passed by value to the kernels.
struct OptimizerStep {
  OptimizerVariant algorithm;  // prepared by at_step
  float l2 = 0;                // added to the gradient as l2 * w
  float keep = 1;              // weights are first multiplied by this (decoupled decay)
};

/// YAML: one flat map; `name` selects the formula, its keys stand beside the common ones:
///   optimizer: {name: adam, learning_rate: 0.001, mode: exact, l2: 1e-5}
/// Where the formula has its own `l2` (FTRL), that is the one the key sets.
struct OptimizerConfig {
  OptimizerVariant algorithm = Sgd{};
  OptimizerMode mode = OptimizerMode::kLazy;
  float l2 = 0;            // >= 0
  float weight_decay = 0;  // >= 0

  template <class V>
  void visit(V& v) {
    v.flatten(algorithm);  // first: it decides which of the keys below exist
    v("mode", mode,
      {.doc = "Rows that a batch does not touch: lazy leaves them, exact replays what the dense "
              "optimizer would have done before the row is next used."});
    if (owns_regularisation()) return;
    v("l2", l2,
      {.doc = "Adds l2 * w to the gradient (torch's weight_decay of SGD and Adam).", .min = 0});
    v("weight_decay", weight_decay,
      {.doc = "Decoupled decay: w shrinks by learning_rate * weight_decay (AdamW).", .min = 0});
  }

  /// `name` in YAML and manifests.
  std::string_view name() const {
    return std::visit([](const auto& a) { return a.kName; }, algorithm);
  }
  /// The configured base rate; schedules multiply it.
  float learning_rate() const {
    return std::visit([](const auto& a) { return a.learning_rate; }, algorithm);
  }
  /// fp32 numbers of state beside a row of `dim` weights. State of row r of a dense tensor [R, dim]
  /// starts at r * state_floats(dim).
  int state_floats(int dim) const {
    return std::visit([dim](const auto& a) { return a.state_floats(dim); }, algorithm);
  }
  /// Writes the state [state_floats(dim)] of a row that has weights w [dim] and no update yet.
  void init_state(const float* w, float* state, int dim) const {
    std::visit([=](const auto& a) { a.init_state(w, state, dim); }, algorithm);
  }

  /// Constants of step `step` (from 1) at learning rate `rate`.
  OptimizerStep at_step(int64_t step, float rate) const {
    return {.algorithm = std::visit(
                [=](const auto& a) { return OptimizerVariant(a.at_step(step, rate)); }, algorithm),
            .l2 = l2,
            .keep = 1 - rate * weight_decay};
  }

  /// True when an untouched row changes under the dense optimizer, so that `exact` must replay.
  /// False for SGD, Adagrad and FTRL without L2 or decay: lazy is exact there.
  bool needs_catch_up() const {
    const bool still = std::visit([](const auto& a) { return a.kZeroGradientIsNoop; }, algorithm);
    return mode == OptimizerMode::kExact && (!still || l2 != 0 || weight_decay != 0);
  }

  /// Why rows of `dtype` cannot be optimised this way, as a sentence for the user; nothing if they
  /// can. The config layer turns it into exit 78.
  std::optional<std::string> refusal(DType dtype) const {
    if (owns_regularisation() && (l2 != 0 || weight_decay != 0)) {
      return std::string(name()) +
             " has its own l1 and l2: a second l2 or weight_decay beside them is not defined";
    }
    if (needs_catch_up() && dtype != DType::kF32) {
      return "mode exact needs dtype fp32: replayed steps on rows rounded to " +
             std::string(enum_name(dtype)) + " are not those of the dense optimizer";
    }
    return std::nullopt;
  }

 private:
  bool owns_regularisation() const {
    return std::visit(
        [](const auto& a) {
          return requires { a.kOwnsRegularisation; };
        },
        algorithm);
  }
};

}  // namespace strata::kernels

template <>
struct strata::EnumNames<strata::kernels::OptimizerMode> {
  using enum strata::kernels::OptimizerMode;
  static constexpr std::pair<strata::kernels::OptimizerMode, std::string_view> kNames[] = {
      {kLazy, "lazy"}, {kExact, "exact"}};
};
