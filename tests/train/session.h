#pragma once
// A trainer with all it works on, over the samples of memory_reader.h.

#include <memory>
#include <vector>

#include "tests/train/small_model.h"
#include "train/trainer.h"

namespace strata::train {

inline data::ReadPlan plan_of(const TrainConfig& config) {
  return {.batch_size = config.batch_size,
          .chunks = 4,
          .seed = config.seed,
          .epochs = config.epochs,
          .start = {}};
}

/// A network, a reader and a trainer over them.
struct Session {
  Session(const SmallModel& small, const TrainConfig& config, int threads = 1, bool shuffle = true)
      : reader(small.task, plan_of(config), shuffle),
        pool(threads),
        network(make_small_network(small)),
        trainer(config, {*network, reader, pool}, first_state(config, reader)) {}

  /// Goes on where another one stopped.
  Session(const SmallModel& small, const TrainConfig& config, const Snapshot& saved,
          const TrainerState& state)
      : Session(small, config, restored(small, saved), state, 1) {}
  Session(const SmallModel& small, const TrainConfig& config,
          std::unique_ptr<models::Network> saved, const TrainerState& state, int threads)
      : reader(small.task, plan_of(config)),
        pool(threads),
        network(std::move(saved)),
        trainer(config, {*network, reader, pool}, state) {}

  static std::unique_ptr<models::Network> restored(const SmallModel& small, const Snapshot& saved) {
    auto network = make_small_network(small);
    restore_snapshot(saved, *network);
    return network;
  }

  std::vector<double> run(int64_t steps) {
    std::vector<double> losses;
    while (steps-- > 0 && trainer.step()) losses.push_back(trainer.report().loss);
    return losses;
  }

  MemoryReader reader;
  ThreadPool pool;
  std::unique_ptr<models::Network> network;
  Trainer trainer;
};

}  // namespace strata::train
