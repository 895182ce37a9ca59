#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/thread_pool.h"
#include "data/reader.h"
#include "models/network.h"
#include "train/batch_loss.h"
#include "train/batch_pipeline.h"
#include "train/early_stopping.h"
#include "train/evaluation.h"
#include "train/train_config.h"
#include "train/trainer_state.h"

namespace strata::train {

/// What a trainer works on; all outlive it, and only it uses reader, network and pool meanwhile.
struct TrainerParts {
  models::Network& network;
  data::Reader& reader;  // of the training part
  ThreadPool& pool;
};

/// Figures of the last update, for people and logs.
struct UpdateReport {
  double loss = 0;                       // mean over the global batch, before the update
  int64_t samples = 0;                   // of the global batch
  std::optional<double> gradient_norm;   // global L2, before clipping; with clip_norm only
  std::array<double, kParts> factors{};  // of the schedules
  int64_t rows = 0;                      // of all tables
  data::ReadStatistics read;
};

/// Trains a network update by update. Its state is a value that a checkpoint holds: a trainer made
/// from a saved state, with the saved network, goes on bit for bit as if it had never stopped.
///
/// Two updates are in flight: while one computes, a thread reads and keys the next. Nothing depends
/// on the number of threads. Not thread-safe.
class Trainer {
 public:
  /// Called before rows are made for a batch; throws Error{resource} when they would not fit.
  using MemoryCheck =
      std::function<void(const embedding::Collection&, const embedding::KeyedBatch&)>;

  /// Continues from `state`: the reader is moved to state.next. A fresh run passes first_state().
  /// Throws Error{config} when the state belongs to other data (input_digest).
  Trainer(const TrainConfig& config, TrainerParts parts, TrainerState state);
  ~Trainer();

  void set_memory_check(MemoryCheck check) { memory_check_ = std::move(check); }

  /// One update. False at the end of the data. An exception leaves the update undone, except that
  /// std::bad_alloc and Error{resource} of a table in DRAM alone may leave it half done:
  /// consistent() says.
  bool step();

  /// Takes an evaluation into plateau schedules and early stopping.
  Verdict observe(const kernels::EvalMetrics& metrics);

  /// Keeps an evaluation that no decision may follow from: one at the end of a run, off the beat of
  /// train.eval_every, that a longer run would not have made.
  void note_evaluation(const kernels::EvalMetrics& metrics);

  /// Throws Error{diverged} when a weight of the dense part, or a row that the last batch read, is
  /// not finite: called before a checkpoint is written.
  void require_finite() const;

  /// False from the first to the last change that an update makes.
  bool consistent() const { return consistent_; }
  const TrainerState& state() const { return state_; }
  const UpdateReport& report() const { return report_; }
  int64_t updates_per_epoch() const { return updates_per_epoch_; }
  /// Time is the caller's: it adds what it measured before it saves the state.
  void add_seconds(double seconds) { state_.train_seconds += seconds; }

 private:
  UpdateInput* read();
  void set_rates();
  void form_gradients(UpdateInput& input);
  void run_part(UpdateInput& input, int64_t index, bool accumulate);
  void look_up(embedding::KeyedBatch& keys);
  float clip(const UpdateInput& input);
  void apply(const UpdateInput& input, float scale);
  void finish(const UpdateInput& input);
  const embedding::KeyedBatch& gradients(const UpdateInput& input) const;
  uint32_t update() const { return static_cast<uint32_t>(state_.step + 1); }

  TrainConfig config_;
  models::Network& network_;
  data::Reader& reader_;
  ThreadPool& pool_;
  TrainerState state_;
  UpdateReport report_;
  MemoryCheck memory_check_;
  BatchLoss loss_;
  embedding::KeyedBatch sum_;     // of the parts of an update, when there are several
  std::vector<Part> table_part_;  // whose schedule each table follows
  int64_t updates_per_epoch_ = 0;
  int64_t rows_ = 0;  // of all tables
  bool consistent_ = true;
  const UpdateInput* last_applied_ = nullptr;  // valid until the next read; null: none
  std::unique_ptr<BatchPipeline> pipeline_;
};

/// The state of a run that has not begun.
TrainerState first_state(const TrainConfig& config, const data::Reader& reader);

}  // namespace strata::train
