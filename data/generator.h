#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "data/criteo_statistics.h"
#include "data/generator_config.h"

namespace strata::data {

/// One generated row and what the hidden model thinks of it.
struct GeneratedRow {
  static constexpr int64_t kMissing = INT64_MIN;
  static constexpr int64_t kNoRank = -1;

  int label = 0;
  std::array<int64_t, kCriteoIntegers> integers;     // kMissing where empty
  std::array<uint32_t, kCriteoCategories> ids;       // printed as 8 hex digits
  std::array<int64_t, kCriteoCategories> ranks;      // kNoRank where empty
  std::array<uint64_t, kCriteoCategories> identity;  // hash of (column, rank, generation)
  double logit = 0;
};

/// Writes rows that look like Criteo Kaggle: its skew, shared null groups, four near-copies of one
/// latent id (C3, C12, C16, C21), heavy-tailed integers and drift by day. Labels are Bernoulli
/// draws from a hidden logistic model: effects of every feature, and pairwise interactions of id
/// vectors (a factorisation machine, Rendle 2010), both with fixed standard deviations.
/// Row i is a pure function of (config, i): any range can be made anywhere, in any order.
/// Thread-safe after construction.
class CriteoGenerator {
 public:
  /// Throws Error{config} for an unknown column name.
  CriteoGenerator(const GeneratorConfig& config, const CriteoStatistics& statistics);

  GeneratedRow row(int64_t index) const;

  /// The logit of `row` when the ids for which `hidden(column)` is true have no effect of their
  /// own (it is averaged out), main effect and interactions alike. `hidden_interactions(column)`
  /// removes interactions only. `variance` receives the variance of what was removed.
  struct Visibility {
    std::array<bool, kCriteoCategories> main;
    std::array<bool, kCriteoCategories> interaction;
  };
  double logit(const GeneratedRow& row, const Visibility& visible, double* variance) const;

  const GeneratorConfig& config() const { return config_; }

  /// Appends the row as a Criteo TSV line: label, 13 integers, 26 ids of 8 hex digits, LF.
  static void append_tsv(const GeneratedRow& row, std::string& out);

 private:
  using Vector = std::array<float, GeneratorConfig::kMaxInteractionRank>;

  void draw_features(int64_t index, GeneratedRow& row) const;
  int64_t draw_integer(int column, double u) const;
  int64_t draw_rank(int column, double u) const;
  double numeric_effect(int column, int64_t value) const;
  double main_effect(int column, const GeneratedRow& row) const;
  void interaction_vector(int column, const GeneratedRow& row, Vector& out) const;
  double main_effects(const GeneratedRow& row, const Visibility& visible, double* variance) const;
  double interactions(const GeneratedRow& row, const Visibility& visible, double* variance) const;
  void calibrate(double positive_rate);

  GeneratorConfig config_;
  CriteoStatistics statistics_;
  std::array<bool, kCriteoCategories> interacts_{};
  std::array<Vector, kCriteoCategories> vector_mean_{};
  std::array<double, kCriteoIntegers> log_mean_{}, log_std_{};
  double main_scale_ = 1, interaction_scale_ = 1, main_mean_ = 0, intercept_ = 0;
};

}  // namespace strata::data
