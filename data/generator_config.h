#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/fields.h"

namespace strata::data {

/// The hidden model and the size of a generated data set. datasets/generator.yaml pins the
/// defaults and says what they give; a test holds the two together and holds the rows they make to
/// a digest: published results name them.
struct GeneratorConfig {
  int64_t rows = 2'000'000;
  uint64_t seed = 1;
  int days = 7;
  uint64_t model_seed = 1;
  double near_copy_rate = 0.97;
  int64_t lasting_ranks = 1'000;
  double id_life_days = 20;
  double daily_drift = 0.03;
  double main_std = 1.5;
  double main_tail = 1;
  double rank_scale = 100;
  double integer_bend = 0.3;
  double integer_missing = 0.5;
  double interaction_std = 0.93;
  double interaction_tail = 2;
  int interaction_rank = 2;
  std::vector<std::string> interaction_columns = {"C6",  "C9",  "C14", "C17",
                                                  "C20", "C22", "C23", "C25"};

  template <class V>
  void visit(V& v) {
    v("rows", rows, {.doc = "Rows of the whole set; a row's day follows from it.", .min = 1});
    v("seed", seed, {.doc = "Seed of the rows; ids and hidden model stay."});
    v("days", days, {.doc = "Days the rows are spread over, in order.", .min = 1, .max = 365});
    v("model_seed", model_seed, {.doc = "Seed of the ids and of the hidden model."});
    v("near_copy_rate", near_copy_rate,
      {.doc = "How often C3, C12, C16 and C21 follow the id they share.", .min = 0, .max = 1});
    v("lasting_ranks", lasting_ranks,
      {.doc = "The most frequent ids of a column that never change.", .min = 0});
    v("id_life_days", id_life_days,
      {.doc = "Days after which another id of a growing column is replaced by a fresh one.",
       .min = 0,
       .above_min = true});
    v("daily_drift", daily_drift,
      {.doc = "Standard deviation of the shift of the logit, drawn for each midnight and linear "
              "between.",
       .min = 0,
       .max = 10});
    v("main_std", main_std,
      {.doc = "Standard deviation of the effects of single features.", .min = 0, .max = 10});
    v("main_tail", main_tail,
      {.doc = "Effects of an id fall with its rank r as (1 + r / rank_scale)^-main_tail.",
       .min = 0,
       .max = 10});
    v("rank_scale", rank_scale,
      {.doc = "Rank at which effects begin to fall.", .min = 0, .above_min = true});
    v("integer_bend", integer_bend,
      {.doc = "Size of the quadratic part of an integer's effect, against its linear part.",
       .min = 0,
       .max = 10});
    v("integer_missing", integer_missing,
      {.doc = "Size of the effect of a missing integer, against the linear part.",
       .min = 0,
       .max = 10});
    v("interaction_std", interaction_std,
      {.doc = "Standard deviation of the pairwise interactions.", .min = 0, .max = 10});
    v("interaction_tail", interaction_tail,
      {.doc = "Interaction vectors fall with the rank r as (1 + r / rank_scale)^-interaction_tail.",
       .min = 0,
       .max = 10});
    v("interaction_rank", interaction_rank,
      {.doc = "Width of the interaction vectors.", .min = 1, .max = kMaxInteractionRank});
    v("interaction_columns", interaction_columns,
      {.doc = "Categorical columns that interact, each pair by the dot product of id vectors."});
  }

  static constexpr int kMaxInteractionRank = 16;
};

}  // namespace strata::data
