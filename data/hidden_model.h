#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "data/criteo_statistics.h"
#include "data/generated_row.h"
#include "data/generator_config.h"

namespace strata::data {

/// The indices (C1 is 0) of config.interaction_columns. Throws ConfigFaults for names that are no
/// categorical column and for a name that is there twice.
std::vector<int> interacting_columns(const GeneratorConfig& config);

/// The logistic model behind the labels of generated rows: a curve for each integer, an effect for
/// each id, and between the ids of `interaction_columns` the dot product of two vectors for each
/// pair (a factorisation machine, Rendle 2010). The vectors are centred, so that an additive model
/// can express nothing of the interactions but their chance correlation with single ids. Effects
/// and vectors are hashes of (model_seed, column, id); both parts are scaled to the standard
/// deviations of the config and the intercept to the positive rate, on a sample of rows.
/// Thread-safe after construction.
class HiddenModel {
 public:
  /// Whether the id of a column takes part with its own effect and with its interactions.
  struct Visibility {
    std::array<bool, kCriteoCategories> main;
    std::array<bool, kCriteoCategories> interaction;
  };
  static Visibility all_visible();

  /// `sample`: rows of the set, in any number (20,000 give the scales to about one per cent).
  /// Throws as interacting_columns().
  HiddenModel(const GeneratorConfig& config, std::span<const GeneratedRow> sample,
              double positive_rate);

  /// Log odds of label 1 without the drift of the day. Ids that are not visible are averaged out:
  /// they count as zero, and `variance` (unless null) grows by the variance of what was removed.
  double logit(const GeneratedRow& row, const Visibility& visible, double* variance) const;

  /// What is added to every logit at `day` (0 <= day): linear between one draw a day.
  double drift(double day) const;

 private:
  using Vector = std::array<double, GeneratorConfig::kMaxInteractionRank>;
  struct Effects {
    double main = 0;
    Vector interaction{};
  };
  struct Curve {
    double missing = 0, slope = 0, bend = 0;  // at z = (log(1 + x) - mean) / deviation
    double mean = 0, deviation = 1;
  };

  void fill_cache();
  void fit_curves(std::span<const GeneratedRow> sample);
  void centre_vectors(std::span<const GeneratedRow> sample);
  void fit_scales(std::span<const GeneratedRow> sample, double positive_rate);

  double size(int64_t rank, double tail) const;
  double main_effect(int column, int64_t rank, uint64_t identity) const;
  Vector interaction_vector(int column, int64_t rank, uint64_t identity) const;
  bool cached(int64_t rank) const { return rank >= 0 && rank < cached_ranks_; }
  double id_effect(int column, const GeneratedRow& row) const;
  Vector id_vector(int column, const GeneratedRow& row) const;
  double integer_effect(int column, int64_t value) const;
  double main_effects(const GeneratedRow& row, const Visibility& visible, double* variance) const;
  double interactions(const GeneratedRow& row, const Visibility& visible, double* variance) const;

  GeneratorConfig config_;
  std::vector<int> interacting_;                               // columns, from 0
  int64_t cached_ranks_ = 0;                                   // ids whose effects are kept
  std::array<std::vector<Effects>, kCriteoCategories> cache_;  // by rank
  std::array<Vector, kCriteoCategories> vector_mean_{};
  std::array<Curve, kCriteoIntegers> curves_{};
  double main_scale_ = 1, interaction_scale_ = 1, main_mean_ = 0, intercept_ = 0;
};

}  // namespace strata::data
