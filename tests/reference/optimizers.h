#pragma once
// Naive oracles of the optimizers: one row, loops, double. Written from the papers and PyTorch's
// documentation, not from kernels/optimizers/.

#include <cmath>
#include <cstdint>
#include <vector>

#include "kernels/optimizer_config.h"

namespace strata::reference {

/// One row in double: weights, and state in the documented order.
struct Row {
  std::vector<double> w;
  std::vector<double> state;
};

inline void update(const kernels::Sgd&, double rate, int64_t, Row& row,
                   const std::vector<double>& g) {
  for (size_t i = 0; i < g.size(); ++i) row.w[i] -= rate * g[i];
}

inline void update(const kernels::Momentum& o, double rate, int64_t, Row& row,
                   const std::vector<double>& g) {
  for (size_t i = 0; i < g.size(); ++i) {
    row.state[i] = o.momentum * row.state[i] + g[i];
    const double direction = o.nesterov ? g[i] + o.momentum * row.state[i] : row.state[i];
    row.w[i] -= rate * direction;
  }
}

inline void update(const kernels::Adagrad& o, double rate, int64_t, Row& row,
                   const std::vector<double>& g) {
  for (size_t i = 0; i < g.size(); ++i) {
    row.state[i] += g[i] * g[i];
    row.w[i] -= rate * g[i] / (std::sqrt(row.state[i]) + o.epsilon);
  }
}

inline double mean_square(const std::vector<double>& g) {
  double sum = 0;
  for (double x : g) sum += x * x;
  return sum / static_cast<double>(g.size());
}

inline void update(const kernels::RowwiseAdagrad& o, double rate, int64_t, Row& row,
                   const std::vector<double>& g) {
  row.state[0] += mean_square(g);
  for (size_t i = 0; i < g.size(); ++i) {
    row.w[i] -= rate * g[i] / (std::sqrt(row.state[0]) + o.epsilon);
  }
}

inline void update(const kernels::Adam& o, double rate, int64_t t, Row& row,
                   const std::vector<double>& g) {
  const size_t dim = g.size();
  for (size_t i = 0; i < dim; ++i) {
    double& m = row.state[i];
    double& v = row.state[dim + i];
    m = o.beta1 * m + (1 - static_cast<double>(o.beta1)) * g[i];
    v = o.beta2 * v + (1 - static_cast<double>(o.beta2)) * g[i] * g[i];
    const double m_hat = m / (1 - std::pow(o.beta1, t));
    const double v_hat = v / (1 - std::pow(o.beta2, t));
    row.w[i] -= rate * m_hat / (std::sqrt(v_hat) + o.epsilon);
  }
}

inline void update(const kernels::RowwiseAdam& o, double rate, int64_t t, Row& row,
                   const std::vector<double>& g) {
  const size_t dim = g.size();
  double& v = row.state[dim];
  v = o.beta2 * v + (1 - static_cast<double>(o.beta2)) * mean_square(g);
  const double v_hat = v / (1 - std::pow(o.beta2, t));
  for (size_t i = 0; i < dim; ++i) {
    double& m = row.state[i];
    m = o.beta1 * m + (1 - static_cast<double>(o.beta1)) * g[i];
    row.w[i] -= rate * m / (1 - std::pow(o.beta1, t)) / (std::sqrt(v_hat) + o.epsilon);
  }
}

/// McMahan et al. 2013, algorithm 1, on the coordinates with a gradient.
inline void update(const kernels::Ftrl& o, double alpha, int64_t, Row& row,
                   const std::vector<double>& g) {
  const size_t dim = g.size();
  for (size_t i = 0; i < dim; ++i) {
    if (g[i] == 0) continue;
    double& z = row.state[i];
    double& n = row.state[dim + i];
    const double sigma = (std::sqrt(n + g[i] * g[i]) - std::sqrt(n)) / alpha;
    z += g[i] - sigma * row.w[i];
    n += g[i] * g[i];
    if (std::abs(z) <= o.l1) {
      row.w[i] = 0;
    } else {
      const double sign = z < 0 ? -1 : 1;
      row.w[i] = -(z - sign * o.l1) / ((o.beta + std::sqrt(n)) / alpha + o.l2);
    }
  }
}

/// One step of the whole configuration: decay, L2, formula.
inline void step(const kernels::OptimizerConfig& config, int64_t t, double rate, Row& row,
                 std::vector<double> g) {
  for (double& w : row.w) w *= 1 - rate * config.weight_decay;
  for (size_t i = 0; i < g.size(); ++i) g[i] += config.l2 * row.w[i];
  std::visit([&](const auto& o) { update(o, rate, t, row, g); }, config.algorithm);
}

/// First state of a row that was never updated.
inline std::vector<double> first_state(const kernels::OptimizerConfig& config,
                                       const std::vector<double>& w) {
  const int dim = static_cast<int>(w.size());
  std::vector<double> state(config.state_floats(dim), 0.0);
  if (const auto* o = std::get_if<kernels::Adagrad>(&config.algorithm)) {
    state.assign(dim, o->initial_accumulator);
  }
  if (const auto* o = std::get_if<kernels::RowwiseAdagrad>(&config.algorithm)) {
    state.assign(1, o->initial_accumulator);
  }
  if (const auto* o = std::get_if<kernels::Ftrl>(&config.algorithm)) {
    const double n = o->initial_accumulator;
    const double strength = (o->beta + std::sqrt(n)) / o->learning_rate + o->l2;
    for (int i = 0; i < dim; ++i) {
      // z such that the closed form gives w.
      if (w[i] != 0) state[i] = -w[i] * strength - (w[i] > 0 ? o->l1 : -o->l1);
      state[dim + i] = n;
    }
  }
  return state;
}

}  // namespace strata::reference
