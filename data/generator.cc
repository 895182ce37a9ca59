#include "data/generator.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/error.h"
#include "base/hash.h"

namespace strata::data {
namespace {

constexpr int kCalibrationRows = 20'000;
constexpr double kRankScale = 100;        // see GeneratorConfig::main_tail
constexpr int64_t kLastingRanks = 1'000;  // more frequent ids never change
constexpr double kCopyRate = 0.97;        // how often a near-copy follows the latent id

// Columns that are missing together (facts of the full data set). -1: on its own.
constexpr int kIntegerNullGroup[kCriteoIntegers] = {0, -1, -1, 1, -1, -1, 2, -1, 2, 0, 2, -1, 1};
constexpr bool kOpenVocabulary[kCriteoCategories] = {
    false, false, true, true,  false, false, false, false, false, false, false, true,  false,
    false, false, true, false, false, false, false, true,  false, false, true,  false, true};
constexpr bool kLatentCopy[kCriteoCategories] = {
    false, false, true, false, false, false, false, false, false, false, false, true,  false,
    false, false, true, false, false, false, false, true,  false, false, false, false, false};

int category_null_group(int column) {
  switch (column + 1) {
    case 3:
    case 4:
    case 12:
    case 16:
    case 21:
    case 24:
      return 0;
    case 19:
    case 20:
    case 25:
    case 26:
      return 1;
    default:
      return -1;
  }
}

double to_unit(uint64_t bits) { return static_cast<double>(bits >> 11) * 0x1p-53; }

/// Standard normal from 64 random bits: sum of four 16-bit uniforms, bounded by ±3.5.
double to_normal(uint64_t bits) {
  const double sum = static_cast<double>((bits & 0xffff) + ((bits >> 16) & 0xffff) +
                                         ((bits >> 32) & 0xffff) + (bits >> 48)) /
                     65536.0;
  return (sum - 2.0 + 2.0 / 65536.0) * std::sqrt(3.0);
}

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

uint64_t identity_of(uint64_t seed, int column, int64_t rank, int64_t generation) {
  return combine64(
      combine64(combine64(seed, static_cast<uint64_t>(column)), static_cast<uint64_t>(rank)),
      static_cast<uint64_t>(generation));
}

// Streams of random numbers of one row.
enum Stream : uint64_t {
  kLabel = 1,
  kLatent = 2,
  kIntegerNulls = 100,
  kCategoryNulls = 120,
  kIntegers = 200,
  kCategories = 300,
  kCopies = 400
};

}  // namespace

CriteoGenerator::CriteoGenerator(const GeneratorConfig& config, const CriteoStatistics& statistics)
    : config_(config), statistics_(statistics) {
  for (const std::string& name : config_.interaction_columns) {
    int column = 0;
    const char* end = name.data() + name.size();
    const auto parsed = std::from_chars(name.data() + (name.empty() ? 0 : 1), end, column);
    if (name.empty() || name[0] != 'C' || parsed.ptr != end || column < 1 ||
        column > kCriteoCategories) {
      throw Error(ErrorCode::kConfig,
                  "interaction_columns: '{}' is not a categorical column (C1 … C26)", name);
    }
    interacts_[column - 1] = true;
  }
  calibrate(statistics.positive_rate);
}

int64_t CriteoGenerator::draw_rank(int column, double u) const {
  const CategoryStatistics& stats = statistics_.categories[column];
  double head = 0;
  for (int r = 0; r < CategoryStatistics::kHead; ++r) {
    head += stats.head[r];
    if (u < head) return r;
  }
  if (stats.tail_ranks < 1 || head >= 1) return 0;
  const double v = (u - head) / (1 - head);
  const double power = 1 - stats.s;
  const double low = std::pow(stats.q, power);
  const double high = std::pow(stats.tail_ranks + stats.q, power);
  const double x = std::pow(low + v * (high - low), 1 / power) - stats.q;
  const double last = stats.tail_ranks - 1;
  return CategoryStatistics::kHead + static_cast<int64_t>(std::clamp(x, 0.0, last));
}

int64_t CriteoGenerator::draw_integer(int column, double u) const {
  const IntegerStatistics& stats = statistics_.integers[column];
  const auto between = [](double low, double high, double t) { return low + (high - low) * t; };
  double value = 0;
  if (u < 0.25) {
    value = between(stats.minimum, stats.q1, 4 * u);
  } else if (u < 0.5) {
    value = between(stats.q1, stats.median, 4 * u - 1);
  } else if (u < 0.75) {
    value = between(stats.median, stats.q3, 4 * u - 2);
  } else {
    // Pareto tail above the third quartile, with the exponent that meets the mean.
    const double body = (stats.minimum + 2 * stats.q1 + 2 * stats.median + stats.q3) / 8;
    const double tail_mean = std::max(4 * (stats.mean - 0.75 * body), stats.q3 + 0.5);
    const double scale = stats.q3 + 1;
    const double shape = std::max(1.05, (tail_mean + 1) / (tail_mean + 1 - scale));
    value = scale * std::pow(1 - (4 * u - 3), -1 / shape) - 1;
  }
  return static_cast<int64_t>(std::floor(std::clamp(value, stats.minimum, stats.maximum) + 0.5));
}

void CriteoGenerator::draw_features(int64_t index, GeneratedRow& row) const {
  const CounterRng rng{combine64(config_.seed, static_cast<uint64_t>(index))};
  const double day = static_cast<double>(index) * config_.days / static_cast<double>(config_.rows);
  for (int i = 0; i < kCriteoIntegers; ++i) {
    const int group = kIntegerNullGroup[i];
    const double u = to_unit(rng.bits(kIntegerNulls + (group >= 0 ? 50 + group : i)));
    row.integers[i] = u < statistics_.integers[i].null_rate
                          ? GeneratedRow::kMissing
                          : draw_integer(i, to_unit(rng.bits(kIntegers + i)));
  }
  const double latent = to_unit(rng.bits(kLatent));
  for (int c = 0; c < kCriteoCategories; ++c) {
    const int group = category_null_group(c);
    const double missing = to_unit(rng.bits(kCategoryNulls + (group >= 0 ? 60 + group : c)));
    if (missing < statistics_.categories[c].null_rate) {
      row.ranks[c] = GeneratedRow::kNoRank;
      row.ids[c] = 0;
      row.identity[c] = 0;
      continue;
    }
    const bool copy = kLatentCopy[c] && to_unit(rng.bits(kCopies + c)) < kCopyRate;
    row.ranks[c] = draw_rank(c, copy ? latent : to_unit(rng.bits(kCategories + c)));
    int64_t generation = 0;
    if (kOpenVocabulary[c] && row.ranks[c] >= kLastingRanks) {
      const double phase = to_unit(identity_of(config_.seed, c, row.ranks[c], -1));
      generation = static_cast<int64_t>(day / config_.id_life_days + phase);
    }
    row.identity[c] = identity_of(config_.seed, c, row.ranks[c], generation);
    row.ids[c] = static_cast<uint32_t>(row.identity[c] >> 32);
  }
}

double CriteoGenerator::numeric_effect(int column, int64_t value) const {
  const CounterRng rng{combine64(config_.seed ^ 0x17, static_cast<uint64_t>(column))};
  if (value == GeneratedRow::kMissing) return 0.5 * to_normal(rng.bits(0));
  const double logged = std::log1p(static_cast<double>(std::max<int64_t>(value, 0)));
  const double z = std::clamp((logged - log_mean_[column]) / log_std_[column], -4.0, 4.0);
  return to_normal(rng.bits(1)) * z + 0.3 * to_normal(rng.bits(2)) * (z * z - 1);
}

double CriteoGenerator::main_effect(int column, const GeneratedRow& row) const {
  const auto rank = static_cast<double>(std::max<int64_t>(row.ranks[column], 0));
  const double size = std::pow(1 + rank / kRankScale, -config_.main_tail);
  return size * to_normal(mix64(combine64(row.identity[column], 0xe1 + column)));
}

void CriteoGenerator::interaction_vector(int column, const GeneratedRow& row, Vector& out) const {
  out.fill(0);
  if (row.ranks[column] == GeneratedRow::kNoRank) return;
  const double size =
      std::pow(1 + static_cast<double>(row.ranks[column]) / kRankScale, -config_.interaction_tail);
  const CounterRng rng{combine64(row.identity[column], 0xa7)};
  for (int k = 0; k < config_.interaction_rank; ++k) {
    out[k] = static_cast<float>(size * to_normal(rng.bits(k)));
  }
}

double CriteoGenerator::main_effects(const GeneratedRow& row, const Visibility& visible,
                                     double* variance) const {
  double sum = 0;
  for (int i = 0; i < kCriteoIntegers; ++i) sum += numeric_effect(i, row.integers[i]);
  for (int c = 0; c < kCriteoCategories; ++c) {
    if (visible.main[c]) {
      sum += main_effect(c, row);
    } else if (variance) {
      const auto rank = static_cast<double>(std::max<int64_t>(row.ranks[c], 0));
      const double size = std::pow(1 + rank / kRankScale, -config_.main_tail) * main_scale_;
      *variance += size * size;
    }
  }
  return (sum - main_mean_) * main_scale_;
}

double CriteoGenerator::interactions(const GeneratedRow& row, const Visibility& visible,
                                     double* variance) const {
  // sum over pairs of <v_a, v_b> = (|sum v|^2 - sum |v|^2) / 2, with centred vectors.
  std::array<double, GeneratorConfig::kMaxInteractionRank> total{};
  double squares = 0, hidden = 0;
  for (int c = 0; c < kCriteoCategories; ++c) {
    if (!interacts_[c] || row.ranks[c] == GeneratedRow::kNoRank) continue;
    Vector v;
    interaction_vector(c, row, v);
    if (!visible.interaction[c]) {
      for (int k = 0; k < config_.interaction_rank; ++k) hidden += v[k] * v[k];
      continue;
    }
    for (int k = 0; k < config_.interaction_rank; ++k) {
      const double x = v[k] - vector_mean_[c][k];
      total[k] += x;
      squares += x * x;
    }
  }
  double sum = -squares, norm = 0;
  for (int k = 0; k < config_.interaction_rank; ++k) {
    sum += total[k] * total[k];
    norm += total[k] * total[k];
  }
  if (variance) {
    *variance += interaction_scale_ * interaction_scale_ * hidden * norm / config_.interaction_rank;
  }
  return 0.5 * sum * interaction_scale_;
}

double CriteoGenerator::logit(const GeneratedRow& row, const Visibility& visible,
                              double* variance) const {
  return intercept_ + main_effects(row, visible, variance) + interactions(row, visible, variance);
}

namespace {

CriteoGenerator::Visibility all_visible() {
  CriteoGenerator::Visibility visible;
  visible.main.fill(true);
  visible.interaction.fill(true);
  return visible;
}

struct Moments {
  double sum = 0, squares = 0;
  int64_t n = 0;
  void add(double x) { sum += x, squares += x * x, ++n; }
  double mean() const { return n ? sum / static_cast<double>(n) : 0; }
  double stddev() const {
    const double m = mean();
    return n ? std::sqrt(std::max(squares / static_cast<double>(n) - m * m, 1e-12)) : 1;
  }
};

}  // namespace

void CriteoGenerator::calibrate(double positive_rate) {
  // A fixed sample of rows gives means, scales and the intercept, so that the config speaks in
  // standard deviations and the positive rate is met.
  std::vector<GeneratedRow> sample(kCalibrationRows);
  std::array<Moments, kCriteoIntegers> logs;
  for (int64_t i = 0; i < kCalibrationRows; ++i) {
    draw_features(i * std::max<int64_t>(1, config_.rows / kCalibrationRows), sample[i]);
    for (int k = 0; k < kCriteoIntegers; ++k) {
      const int64_t value = sample[i].integers[k];
      if (value == GeneratedRow::kMissing) continue;
      logs[k].add(std::log1p(static_cast<double>(std::max<int64_t>(value, 0))));
    }
  }
  for (int k = 0; k < kCriteoIntegers; ++k) {
    log_mean_[k] = logs[k].mean();
    log_std_[k] = logs[k].stddev();
  }
  for (int c = 0; c < kCriteoCategories; ++c) {
    if (!interacts_[c]) continue;
    std::array<double, GeneratorConfig::kMaxInteractionRank> sum{};
    int64_t n = 0;
    for (const GeneratedRow& row : sample) {
      if (row.ranks[c] == GeneratedRow::kNoRank) continue;
      Vector v;
      interaction_vector(c, row, v);
      for (int k = 0; k < config_.interaction_rank; ++k) sum[k] += v[k];
      ++n;
    }
    for (int k = 0; k < config_.interaction_rank; ++k) {
      vector_mean_[c][k] = static_cast<float>(n ? sum[k] / static_cast<double>(n) : 0);
    }
  }
  const Visibility visible = all_visible();
  Moments main, pairs;
  for (const GeneratedRow& row : sample) {
    main.add(main_effects(row, visible, nullptr));
    pairs.add(interactions(row, visible, nullptr));
  }
  main_mean_ = main.mean();
  main_scale_ = config_.main_std / main.stddev();
  interaction_scale_ = config_.interaction_std / pairs.stddev();
  std::vector<double> logits;
  logits.reserve(sample.size());
  for (const GeneratedRow& row : sample) logits.push_back(logit(row, visible, nullptr));
  double low = -20, high = 20;
  for (int i = 0; i < 60; ++i) {
    intercept_ = (low + high) / 2;
    double rate = 0;
    for (const double x : logits) rate += sigmoid(x + intercept_);
    (rate / kCalibrationRows < positive_rate ? low : high) = intercept_;
  }
}

GeneratedRow CriteoGenerator::row(int64_t index) const {
  GeneratedRow row;
  draw_features(index, row);
  const int64_t day = index * config_.days / config_.rows;
  const double drift =
      config_.daily_drift * to_normal(combine64(config_.seed ^ 0xdd, static_cast<uint64_t>(day)));
  row.logit = logit(row, all_visible(), nullptr) + drift;
  const CounterRng rng{combine64(config_.seed, static_cast<uint64_t>(index))};
  row.label = to_unit(rng.bits(kLabel)) < sigmoid(row.logit) ? 1 : 0;
  return row;
}

void CriteoGenerator::append_tsv(const GeneratedRow& row, std::string& out) {
  out += static_cast<char>('0' + row.label);
  char digits[24];
  for (const int64_t value : row.integers) {
    out += '\t';
    if (value == GeneratedRow::kMissing) continue;
    out.append(digits, std::to_chars(digits, digits + sizeof digits, value).ptr);
  }
  for (int c = 0; c < kCriteoCategories; ++c) {
    out += '\t';
    if (row.ranks[c] == GeneratedRow::kNoRank) continue;
    for (int shift = 28; shift >= 0; shift -= 4) {
      out += "0123456789abcdef"[(row.ids[c] >> shift) & 15];
    }
  }
  out += '\n';
}

}  // namespace strata::data
