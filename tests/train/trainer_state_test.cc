#include "train/trainer_state.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace strata::train {
namespace {

TrainerState some_state() {
  TrainerState state;
  state.step = 12'400;
  state.samples = int64_t{1} << 61;
  state.seed = ~uint64_t{0};
  state.next = {.epoch = 3, .batch = 17};
  state.input_digest = 0x8000'0000'0000'0001;
  state.plateaus[1] = {.factor = 0.1, .best = 1.0 / 3, .bad_evaluations = 2};
  state.early_stopping = {.best = 0.7893, .best_step = 12'000, .bad_evaluations = 1};
  state.running = {.loss_sum = 1e-300, .weight_sum = 0.1, .positives = {0.1, 0}, .negatives = {3}};
  state.train_seconds = 12.5;
  state.last_evaluation_step = 12'000;
  state.last_evaluation.emplace().logloss = 0.3;
  state.last_evaluation->samples = 3;
  state.best_evaluation.emplace().auc = 2.0 / 3;
  return state;
}

TEST(TrainerState, JsonKeepsEveryBit) {
  EXPECT_EQ(trainer_state_from_json(to_json(some_state())), some_state());
}

TEST(TrainerState, AbsentBestStaysAbsent) {
  EXPECT_EQ(trainer_state_from_json(to_json(TrainerState{})), TrainerState{});
}

TEST(TrainerState, MissingFieldIsCorruptAndNamed) {
  try {
    trainer_state_from_json(R"({"step": 1})");
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kCorrupt);
    EXPECT_NE(std::string(e.what()).find("samples"), std::string::npos) << e.what();
  }
}

TEST(TrainerState, TornTextIsCorrupt) {
  const std::string text = to_json(some_state());
  for (size_t n = 0; n < text.size(); n += 7) {
    EXPECT_THROW(trainer_state_from_json(text.substr(0, n)), Error) << n;
  }
}

}  // namespace
}  // namespace strata::train
