#include "data/generator.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <numeric>

#include "base/hash.h"

namespace strata::data {
namespace {

constexpr int64_t kSampleRows = 20'000;       // gives the hidden model its scales
constexpr uint64_t kSampleStream = 0x5a3b1e;  // its rows are of no set

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

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

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

bool open_vocabulary(int column) { return kOpenVocabulary[column]; }

CriteoGenerator::CriteoGenerator(const GeneratorConfig& config, const CriteoStatistics& statistics)
    : config_(config),
      statistics_(statistics),
      tails_(tail_draws(statistics)),
      paretos_(pareto_draws(statistics)),
      model_(config, sample(), statistics.positive_rate) {}

std::array<CriteoGenerator::TailDraw, kCriteoCategories> CriteoGenerator::tail_draws(
    const CriteoStatistics& statistics) {
  std::array<TailDraw, kCriteoCategories> out;
  for (int c = 0; c < kCriteoCategories; ++c) {
    const CategoryStatistics& stats = statistics.categories[c];
    const double power = 1 - stats.s;
    const double low = std::pow(stats.q, power);
    out[c] = {.low = low,
              .span = std::pow(stats.tail_ranks + stats.q, power) - low,
              .inverse_power = 1 / power,
              .head = std::accumulate(stats.head.begin(), stats.head.end(), 0.0)};
  }
  return out;
}

std::array<CriteoGenerator::ParetoDraw, kCriteoIntegers> CriteoGenerator::pareto_draws(
    const CriteoStatistics& statistics) {
  std::array<ParetoDraw, kCriteoIntegers> out;
  for (int i = 0; i < kCriteoIntegers; ++i) {
    const IntegerStatistics& stats = statistics.integers[i];
    const double body = (stats.minimum + 2 * stats.q1 + 2 * stats.median + stats.q3) / 8;
    const double mean = std::max(4 * (stats.mean - 0.75 * body), stats.q3 + 0.5);
    const double scale = stats.q3 + 1;
    const double shape = std::max(1.05, (mean + 1) / (mean + 1 - scale));
    out[i] = {.scale = scale, .exponent = -1 / shape};
  }
  return out;
}

std::vector<GeneratedRow> CriteoGenerator::sample() const {
  std::vector<GeneratedRow> rows(kSampleRows);
  for (int64_t i = 0; i < kSampleRows; ++i) {
    const uint64_t key = combine64(config_.model_seed ^ kSampleStream, static_cast<uint64_t>(i));
    const double day = static_cast<double>(i) * config_.days / static_cast<double>(kSampleRows);
    draw_features(key, day, rows[i]);
  }
  return rows;
}

int64_t CriteoGenerator::draw_rank(int column, double u) const {
  const CategoryStatistics& stats = statistics_.categories[column];
  const TailDraw& tail = tails_[column];
  if (u < tail.head) {
    double head = 0;
    for (int r = 0; r < CategoryStatistics::kHead; ++r) {
      head += stats.head[r];
      if (u < head) return r;
    }
  }
  if (stats.tail_ranks < 1 || tail.head >= 1) return 0;
  const double v = (u - tail.head) / (1 - tail.head);
  const double x = std::pow(tail.low + v * tail.span, tail.inverse_power) - stats.q;
  return CategoryStatistics::kHead + static_cast<int64_t>(std::clamp(x, 0.0, stats.tail_ranks - 1));
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
    const ParetoDraw& tail = paretos_[column];
    value = tail.scale * std::pow(1 - (4 * u - 3), tail.exponent) - 1;
  }
  return static_cast<int64_t>(std::floor(std::clamp(value, stats.minimum, stats.maximum) + 0.5));
}

int64_t CriteoGenerator::generation(int column, int64_t rank, double day) const {
  if (!kOpenVocabulary[column] || rank < config_.lasting_ranks) return 0;
  const double phase = to_unit(identity_of(config_.model_seed, column, rank, -1));
  return static_cast<int64_t>(day / config_.id_life_days + phase);
}

void CriteoGenerator::draw_features(uint64_t key, double day, GeneratedRow& row) const {
  const CounterRng rng{key};
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
    const bool copy = kLatentCopy[c] && to_unit(rng.bits(kCopies + c)) < config_.near_copy_rate;
    const int64_t rank = draw_rank(c, copy ? latent : to_unit(rng.bits(kCategories + c)));
    row.ranks[c] = rank;
    row.identity[c] = identity_of(config_.model_seed, c, rank, generation(c, rank, day));
    row.ids[c] = static_cast<uint32_t>(row.identity[c] >> 32);
  }
}

double CriteoGenerator::day_of(int64_t index) const {
  return static_cast<double>(index) * config_.days / static_cast<double>(config_.rows);
}

double CriteoGenerator::logit(int64_t index, const GeneratedRow& row, const Visibility& visible,
                              double* variance) const {
  return model_.logit(row, visible, variance) + model_.drift(day_of(index));
}

GeneratedRow CriteoGenerator::row(int64_t index) const {
  GeneratedRow row;
  const uint64_t key = combine64(config_.seed, static_cast<uint64_t>(index));
  draw_features(key, day_of(index), row);
  row.logit = logit(index, row, HiddenModel::all_visible(), nullptr);
  row.label = to_unit(CounterRng{key}.bits(kLabel)) < sigmoid(row.logit) ? 1 : 0;
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
