#include "data/hidden_model.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/config_fault.h"
#include "base/hash.h"
#include "data/criteo.h"

namespace strata::data {
namespace {

constexpr int64_t kMostCachedRanks = 1024;  // 26 columns x 136 B each: 3.5 MiB

// Streams of the hidden model's random numbers.
constexpr uint64_t kCurveStream = 0x17;
constexpr uint64_t kDriftStream = 0xdd;
constexpr uint64_t kMainStream = 0xe1;
constexpr uint64_t kVectorStream = 0xa7;

/// Standard normal from 64 random bits: sum of four 16-bit uniforms, bounded by ±3.5.
double to_normal(uint64_t bits) {
  const double sum = static_cast<double>((bits & 0xffff) + ((bits >> 16) & 0xffff) +
                                         ((bits >> 32) & 0xffff) + (bits >> 48)) /
                     65536.0;
  return (sum - 2.0 + 2.0 / 65536.0) * std::sqrt(3.0);
}

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

struct Spread {
  double sum = 0, squares = 0;
  int64_t n = 0;
  void add(double x) { sum += x, squares += x * x, ++n; }
  double mean() const { return n ? sum / static_cast<double>(n) : 0; }
  double deviation() const {
    const double m = mean();
    return n ? std::sqrt(std::max(squares / static_cast<double>(n) - m * m, 1e-12)) : 1;
  }
};

double log1p_of(int64_t value) {
  return std::log1p(static_cast<double>(std::max<int64_t>(value, 0)));
}

}  // namespace

uint64_t identity_of(uint64_t model_seed, int column, int64_t rank, int64_t generation) {
  return combine64(
      combine64(combine64(model_seed, static_cast<uint64_t>(column)), static_cast<uint64_t>(rank)),
      static_cast<uint64_t>(generation));
}

std::vector<int> interacting_columns(const GeneratorConfig& config) {
  const std::vector<std::string> fields = criteo_fields();
  const std::vector<std::string> known(fields.begin() + kCriteoFirstCategory, fields.end());
  std::vector<int> columns;
  FaultList faults;
  for (size_t i = 0; i < config.interaction_columns.size(); ++i) {
    const std::string& name = config.interaction_columns[i];
    const ConfigPath path = {"data", "synthetic", "interaction_columns", item_key(i)};
    const auto found = std::ranges::find(known, name);
    const auto column = static_cast<int>(found - known.begin());
    if (found == known.end()) {
      faults.add({{path},
                  fmt::format("interaction_columns: '{}' is not a categorical column", name),
                  suggest_name(name, known, "columns")});
    } else if (std::ranges::find(columns, column) != columns.end()) {
      faults.add({{path}, fmt::format("interaction_columns: '{}' is there twice", name)});
    }
    columns.push_back(column);
  }
  faults.throw_if_any();
  return columns;
}

HiddenModel::Visibility HiddenModel::all_visible() {
  Visibility visible;
  visible.main.fill(true);
  visible.interaction.fill(true);
  return visible;
}

HiddenModel::HiddenModel(const GeneratorConfig& config, std::span<const GeneratedRow> sample,
                         double positive_rate)
    : config_(config), interacting_(interacting_columns(config)) {
  fit_curves(sample);
  centre_vectors(sample);
  fill_cache();
  fit_scales(sample, positive_rate);
}

void HiddenModel::fit_curves(std::span<const GeneratedRow> sample) {
  for (int i = 0; i < kCriteoIntegers; ++i) {
    Spread logs;
    for (const GeneratedRow& row : sample) {
      if (row.integers[i] != GeneratedRow::kMissing) logs.add(log1p_of(row.integers[i]));
    }
    const CounterRng rng{combine64(config_.model_seed ^ kCurveStream, static_cast<uint64_t>(i))};
    curves_[i] = {.missing = config_.integer_missing * to_normal(rng.bits(0)),
                  .slope = to_normal(rng.bits(1)),
                  .bend = config_.integer_bend * to_normal(rng.bits(2)),
                  .mean = logs.mean(),
                  .deviation = logs.deviation()};
  }
}

void HiddenModel::centre_vectors(std::span<const GeneratedRow> sample) {
  for (const int c : interacting_) {
    Vector sum{};
    int64_t n = 0;
    for (const GeneratedRow& row : sample) {
      if (row.ranks[c] == GeneratedRow::kNoRank) continue;
      const Vector v = interaction_vector(c, row.ranks[c], row.identity[c]);
      for (size_t k = 0; k < v.size(); ++k) sum[k] += v[k];
      ++n;
    }
    if (n == 0) continue;
    for (size_t k = 0; k < sum.size(); ++k) vector_mean_[c][k] = sum[k] / static_cast<double>(n);
  }
}

void HiddenModel::fill_cache() {
  cached_ranks_ = std::min(kMostCachedRanks, config_.lasting_ranks);
  for (int c = 0; c < kCriteoCategories; ++c) {
    cache_[c].resize(static_cast<size_t>(cached_ranks_));
    for (int64_t r = 0; r < cached_ranks_; ++r) {
      const uint64_t identity = identity_of(config_.model_seed, c, r, 0);
      cache_[c][r] = {.main = main_effect(c, r, identity),
                      .interaction = interaction_vector(c, r, identity)};
    }
  }
}

void HiddenModel::fit_scales(std::span<const GeneratedRow> sample, double positive_rate) {
  const Visibility visible = all_visible();
  Spread main, pairs;
  for (const GeneratedRow& row : sample) {
    main.add(main_effects(row, visible, nullptr));
    pairs.add(interactions(row, visible, nullptr));
  }
  main_mean_ = main.mean();
  main_scale_ = config_.main_std / main.deviation();
  interaction_scale_ = config_.interaction_std / pairs.deviation();
  std::vector<double> logits;
  logits.reserve(sample.size());
  for (const GeneratedRow& row : sample) logits.push_back(logit(row, visible, nullptr));
  double low = -20, high = 20;
  for (int i = 0; i < 60; ++i) {
    intercept_ = (low + high) / 2;
    double rate = 0;
    for (const double x : logits) rate += sigmoid(x + intercept_);
    (rate / static_cast<double>(logits.size()) < positive_rate ? low : high) = intercept_;
  }
}

double HiddenModel::size(int64_t rank, double tail) const {
  return std::pow(1 + static_cast<double>(std::max<int64_t>(rank, 0)) / config_.rank_scale, -tail);
}

double HiddenModel::main_effect(int column, int64_t rank, uint64_t identity) const {
  const uint64_t stream = kMainStream + static_cast<uint64_t>(column);
  return size(rank, config_.main_tail) * to_normal(mix64(combine64(identity, stream)));
}

HiddenModel::Vector HiddenModel::interaction_vector(int column, int64_t rank,
                                                    uint64_t identity) const {
  Vector out{};
  const double length = size(rank, config_.interaction_tail);
  const CounterRng rng{combine64(identity, kVectorStream)};
  for (int k = 0; k < config_.interaction_rank; ++k) {
    out[k] = length * to_normal(rng.bits(k)) - vector_mean_[column][k];
  }
  return out;
}

double HiddenModel::id_effect(int column, const GeneratedRow& row) const {
  const int64_t rank = row.ranks[column];
  return cached(rank) ? cache_[column][rank].main : main_effect(column, rank, row.identity[column]);
}

HiddenModel::Vector HiddenModel::id_vector(int column, const GeneratedRow& row) const {
  const int64_t rank = row.ranks[column];
  return cached(rank) ? cache_[column][rank].interaction
                      : interaction_vector(column, rank, row.identity[column]);
}

double HiddenModel::integer_effect(int column, int64_t value) const {
  const Curve& curve = curves_[column];
  if (value == GeneratedRow::kMissing) return curve.missing;
  const double z = std::clamp((log1p_of(value) - curve.mean) / curve.deviation, -4.0, 4.0);
  return curve.slope * z + curve.bend * (z * z - 1);
}

double HiddenModel::main_effects(const GeneratedRow& row, const Visibility& visible,
                                 double* variance) const {
  double sum = 0;
  for (int i = 0; i < kCriteoIntegers; ++i) sum += integer_effect(i, row.integers[i]);
  for (int c = 0; c < kCriteoCategories; ++c) {
    if (visible.main[c]) {
      sum += id_effect(c, row);
    } else if (variance) {
      const double hidden = size(row.ranks[c], config_.main_tail) * main_scale_;
      *variance += hidden * hidden;
    }
  }
  return (sum - main_mean_) * main_scale_;
}

double HiddenModel::interactions(const GeneratedRow& row, const Visibility& visible,
                                 double* variance) const {
  // sum over pairs of <v_a, v_b> = (|sum v|^2 - sum |v|^2) / 2
  Vector total{};
  double squares = 0, hidden = 0;
  for (const int c : interacting_) {
    if (row.ranks[c] == GeneratedRow::kNoRank) continue;
    const Vector v = id_vector(c, row);
    double length = 0;
    for (int k = 0; k < config_.interaction_rank; ++k) length += v[k] * v[k];
    if (!visible.interaction[c]) {
      hidden += length;
      continue;
    }
    squares += length;
    for (int k = 0; k < config_.interaction_rank; ++k) total[k] += v[k];
  }
  double norm = 0;
  for (int k = 0; k < config_.interaction_rank; ++k) norm += total[k] * total[k];
  if (variance) {
    *variance += interaction_scale_ * interaction_scale_ * hidden * norm / config_.interaction_rank;
  }
  return 0.5 * (norm - squares) * interaction_scale_;
}

double HiddenModel::logit(const GeneratedRow& row, const Visibility& visible,
                          double* variance) const {
  return intercept_ + main_effects(row, visible, variance) + interactions(row, visible, variance);
}

double HiddenModel::drift(double day) const {
  const auto level = [&](double knot) {
    const uint64_t key = config_.model_seed ^ kDriftStream;
    return config_.daily_drift * to_normal(combine64(key, static_cast<uint64_t>(knot)));
  };
  const double before = std::floor(day);
  const double share = day - before;
  return (1 - share) * level(before) + share * level(before + 1);
}

}  // namespace strata::data
