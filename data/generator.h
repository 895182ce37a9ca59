#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "data/criteo_statistics.h"
#include "data/generated_row.h"
#include "data/generator_config.h"
#include "data/hidden_model.h"

namespace strata::data {

/// Whether ids of categorical column `column` (C1 is 0) are replaced by fresh ones with time.
bool open_vocabulary(int column);

/// Writes rows that look like Criteo Kaggle: its skew, shared null groups, four near-copies of one
/// latent id (C3, C12, C16, C21), heavy-tailed integers, and ids and base rate that drift by day.
/// Labels are Bernoulli draws from a hidden logistic model. Row i is a pure function of
/// (config, i): any range can be made anywhere, in any order; and the hidden model and the ids
/// depend neither on `rows` nor on `seed`, so sets of other sizes and seeds are of one world.
/// Thread-safe after construction.
class CriteoGenerator {
 public:
  using Visibility = HiddenModel::Visibility;

  /// Throws Error{config} for an unknown column name.
  CriteoGenerator(const GeneratorConfig& config, const CriteoStatistics& statistics);

  /// Row `index` of the set, 0 <= index < config().rows.
  GeneratedRow row(int64_t index) const;

  /// The logit of row `index` when only the `visible` ids count; see HiddenModel::logit.
  double logit(int64_t index, const GeneratedRow& row, const Visibility& visible,
               double* variance) const;

  const GeneratorConfig& config() const { return config_; }

  /// Appends the row as a Criteo TSV line: label, 13 integers, 26 ids of 8 hex digits, LF.
  static void append_tsv(const GeneratedRow& row, std::string& out);

 private:
  /// The tail of a column's ranks, p(r) ~ (r + q)^-s, by inversion.
  struct TailDraw {
    double low = 0, span = 0, inverse_power = 1;
    double head = 0;  // share of the explicit ranks before it
  };
  /// The upper quarter of an integer: a Pareto tail that meets the mean.
  struct ParetoDraw {
    double scale = 1, exponent = -1;
  };

  static std::array<TailDraw, kCriteoCategories> tail_draws(const CriteoStatistics& statistics);
  static std::array<ParetoDraw, kCriteoIntegers> pareto_draws(const CriteoStatistics& statistics);
  std::vector<GeneratedRow> sample() const;
  void draw_features(uint64_t key, double day, GeneratedRow& row) const;
  int64_t draw_integer(int column, double u) const;
  int64_t draw_rank(int column, double u) const;
  int64_t generation(int column, int64_t rank, double day) const;
  double day_of(int64_t index) const;

  GeneratorConfig config_;
  CriteoStatistics statistics_;
  std::array<TailDraw, kCriteoCategories> tails_{};
  std::array<ParetoDraw, kCriteoIntegers> paretos_{};
  HiddenModel model_;
};

}  // namespace strata::data
