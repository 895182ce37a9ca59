#pragma once
// Every optimizer, once. YAML, CPU and GPU apply, checkpoint names and the typed tests iterate this
// list; adding an optimizer is one file in kernels/optimizers/ and one entry here.

#include <concepts>
#include <string_view>
#include <type_traits>
#include <variant>

#include "kernels/lanes.h"
#include "kernels/optimizers/adagrad.h"
#include "kernels/optimizers/adam.h"
#include "kernels/optimizers/ftrl.h"
#include "kernels/optimizers/momentum.h"
#include "kernels/optimizers/rowwise_adagrad.h"
#include "kernels/optimizers/rowwise_adam.h"
#include "kernels/optimizers/sgd.h"

namespace strata::kernels {

/// A formula for one row: weights w [dim], state s [state_floats(dim)], gradient g [dim].
///   at_step(t, rate)       the same with the constants of step t (from 1) and its learning rate
///   init_state(w, s, dim)  state of a row that has never been updated and has weights w
///   update(w, s, g, dim, lanes)  one step in place; g needs only g[i], read before w[i] changes
///   kZeroGradientIsNoop    g = 0 changes neither w nor s, whatever the rate
template <class T>
concept Optimizer = std::is_trivially_copyable_v<T> && std::default_initializable<T> &&
    requires(const T& t, float* p, const float* g) {
  { T::kName } -> std::convertible_to<std::string_view>;
  { T::kZeroGradientIsNoop } -> std::convertible_to<bool>;
  { T::state_floats(1) } -> std::same_as<int>;
  { t.learning_rate } -> std::convertible_to<float>;
  { t.at_step(int64_t{1}, 0.1f) } -> std::same_as<T>;
  t.init_state(g, p, 1);
  t.update(p, p, g, 1, OneLane{});
};

template <Optimizer... Ts>
struct OptimizerList {
  using Variant = std::variant<Ts...>;
  template <template <class...> class To>
  using Rebind = To<Ts...>;  // for example AllOptimizers::Rebind<testing::Types>
};

using AllOptimizers =
    OptimizerList<Sgd, Momentum, Adagrad, RowwiseAdagrad, Adam, RowwiseAdam, Ftrl>;

using OptimizerVariant = AllOptimizers::Variant;

}  // namespace strata::kernels
