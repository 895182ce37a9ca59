#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/fields.h"

namespace strata::data {

/// The hidden model and the size of a generated data set. The defaults are the pinned model of
/// datasets/generator.yaml; published results name them.
struct GeneratorConfig {
  int64_t rows = 2'000'000;
  uint64_t seed = 1;
  int days = 7;
  double id_life_days = 20;
  double daily_drift = 0.1;
  double main_std = 1.02;
  double main_tail = 0.35;
  double interaction_std = 0.95;
  double interaction_tail = 0.8;
  int interaction_rank = 3;
  std::vector<std::string> interaction_columns = {"C1",  "C2",  "C5",  "C6",  "C8",
                                                  "C9",  "C14", "C17", "C20", "C22",
                                                  "C23", "C25", "C18", "C11", "C13"};

  template <class V>
  void visit(V& v) {
    v("rows", rows, {.doc = "Rows of the whole set; a row's day follows from it.", .min = 1});
    v("seed", seed, {.doc = "Seed of rows and hidden model."});
    v("days", days, {.doc = "Days the rows are spread over, in order.", .min = 1, .max = 365});
    v("id_life_days", id_life_days,
      {.doc = "Days after which a rare id is replaced by a fresh one.",
       .min = 0,
       .above_min = true});
    v("daily_drift", daily_drift,
      {.doc = "Standard deviation of the day's shift of the logit.", .min = 0, .max = 10});
    v("main_std", main_std,
      {.doc = "Standard deviation of the effects of single features.", .min = 0, .max = 10});
    v("main_tail", main_tail,
      {.doc = "Effects of an id fall with its rank r as (1 + r/200)^-x.", .min = 0, .max = 10});
    v("interaction_std", interaction_std,
      {.doc = "Standard deviation of the pairwise interactions.", .min = 0, .max = 10});
    v("interaction_tail", interaction_tail,
      {.doc = "Interaction vectors fall with the rank r as (1 + r/200)^-x.", .min = 0, .max = 10});
    v("interaction_rank", interaction_rank,
      {.doc = "Width of the interaction vectors.", .min = 1, .max = kMaxInteractionRank});
    v("interaction_columns", interaction_columns,
      {.doc = "Categorical columns that interact, each pair by the dot product of id vectors."});
  }

  static constexpr int kMaxInteractionRank = 16;
};

}  // namespace strata::data
