#include "train/trainer.h"

#include <cmath>
#include <limits>

#include "base/check.h"
#include "base/error.h"
#include "models/model_list.h"
#include "train/divergence.h"
#include "train/running_metrics.h"
#include "train/schedule.h"

namespace strata::train {
namespace {

/// Wide tables follow the schedule of the wide part, all others that of the tables.
std::vector<Part> parts_of_tables(const models::Network& network) {
  const embedding::Collection& collection = network.collection();
  std::vector<Part> parts(collection.tables(), Part::kTables);
  const models::NetworkConfig& config = network.config();
  for (const models::ModelLookup& lookup : models::model_lookups(config.model, config.input)) {
    if (lookup.wide) parts[collection.find_table(lookup.table)] = Part::kWide;
  }
  return parts;
}

void require_same_input(const TrainerState& state, const data::Reader& reader) {
  if (state.input_digest == reader.input_digest()) return;
  throw Error{ErrorCode::kConfig,
              "the training data is not the data this run began with: names, sizes or line counts "
              "of the files differ, so its position in them means nothing"};
}

}  // namespace

TrainerState first_state(const TrainConfig& config, const data::Reader& reader) {
  TrainerState state;
  state.seed = config.seed;
  state.input_digest = reader.input_digest();
  return state;
}

Trainer::Trainer(const TrainConfig& config, TrainerParts parts, TrainerState state)
    : config_(config),
      network_(parts.network),
      reader_(parts.reader),
      pool_(parts.pool),
      state_(std::move(state)),
      table_part_(parts_of_tables(parts.network)) {
  require_same_input(state_, reader_);
  reader_.seek(state_.next);
  const embedding::Collection& collection = network_.collection();
  for (int table = 0; table < collection.tables(); ++table) rows_ += collection.usage(table).rows;
  report_.rows = rows_;
  updates_per_epoch_ = (reader_.batches_per_epoch() + config_.accumulate - 1) / config_.accumulate;
  pipeline_ = std::make_unique<BatchPipeline>(reader_, network_.collection(), config_.accumulate);
}

Trainer::~Trainer() = default;

bool Trainer::step() {
  UpdateInput* input = read();  // 1–3: batch, keys, unique keys
  if (input == nullptr) return false;
  set_rates();
  form_gradients(*input);  // 4–9: look up, forward, loss, backward
  const float scale = clip(*input);
  apply(*input, scale);  // 10: dense and sparse update
  finish(*input);
  return true;
}

UpdateInput* Trainer::read() {
  last_applied_ = nullptr;
  for (;;) {
    UpdateInput* input = pipeline_->next();
    if (input == nullptr) return nullptr;
    report_.read = input->statistics;
    if (input->samples > 0) return input;
    state_.next = input->next;  // nothing but bad rows: no update
  }
}

void Trainer::set_rates() {
  for (int part = 0; part < kParts; ++part) {
    const ScheduleConfig& schedule = schedule_of(config_, static_cast<Part>(part));
    report_.factors[part] = schedule_factor(schedule, state_.plateaus[part], update());
  }
  const auto rate = [&](const kernels::OptimizerConfig& optimizer, Part part) {
    const double factor = report_.factors[static_cast<int>(part)];
    return static_cast<float>(optimizer.learning_rate() * factor);
  };
  network_.parameters().set_learning_rate(rate(network_.config().dense.optimizer, Part::kDense));
  embedding::Collection& collection = network_.collection();
  for (int table = 0; table < collection.tables(); ++table) {
    collection.set_learning_rate(table,
                                 rate(collection.config(table).optimizer, table_part_[table]));
  }
}

void Trainer::form_gradients(UpdateInput& input) {
  report_.loss = 0;
  report_.samples = input.samples;
  if (input.used > 1) sum_ = {};
  bool accumulate = false;
  for (int64_t index = 0; index < input.used; ++index) {
    if (input.parts[index].batch.size == 0) continue;
    run_part(input, index, accumulate);
    accumulate = true;
  }
}

void Trainer::run_part(UpdateInput& input, int64_t index, bool accumulate) {
  auto& [batch, keys] = input.parts[index];
  embedding::Collection& collection = network_.collection();
  if (memory_check_) memory_check_(collection, keys);
  look_up(keys);
  loss_.begin(batch, input.samples);
  const uint64_t pass = (update() - 1) * static_cast<uint64_t>(config_.accumulate) + index + 1;
  const auto logits = network_.forward_backward(
      batch, keys, {.step = pass, .accumulate = accumulate}, loss_.hook(), pool_);
  if (!std::isfinite(loss_.sum())) throw diverged_error("the loss", network_, batch, keys);
  if (!buffers_are_finite(network_.parameters())) {
    throw diverged_error("a running statistic", network_, batch, keys);
  }
  const auto dpool = network_.dpool();
  collection.reduce_gradients(keys, dpool.data, dpool.stride, batch.chunk_begin, pool_);
  if (input.used > 1) collection.accumulate(keys, sum_);
  report_.loss += loss_.sum();
  add_batch(
      {.logits = logits,
       .labels = batch.labels,
       .weights = batch.sample_weights,
       .loss = loss_.sum() * static_cast<double>(input.samples) / static_cast<double>(batch.size)},
      config_.auc_window, state_.running);
}

void Trainer::look_up(embedding::KeyedBatch& keys) {
  consistent_ = false;
  try {
    const auto mode = embedding::LookUpMode::kTrain;
    rows_ += network_.collection().look_up(keys, mode, update(), pool_).created;
  } catch (const embedding::TierError&) {
    consistent_ = true;
    throw;
  }
  consistent_ = true;
}

float Trainer::clip(const UpdateInput& input) {
  report_.gradient_norm.reset();
  if (!config_.clip_norm) return 1;
  const double norm = std::sqrt(network_.parameters().squared_gradient_norm(pool_) +
                                network_.collection().squared_gradient_norm(gradients(input)));
  if (!std::isfinite(norm)) {
    const auto& [batch, keys] = input.parts.front();
    throw diverged_error("the gradient", network_, batch, keys);
  }
  report_.gradient_norm = norm;
  return norm > *config_.clip_norm ? static_cast<float>(*config_.clip_norm / norm) : 1;
}

void Trainer::apply(const UpdateInput& input, float scale) {
  consistent_ = false;
  network_.dense_update(update(), scale, pool_);
  network_.collection().apply(gradients(input), update(), scale, pool_);
  consistent_ = true;
}

void Trainer::finish(const UpdateInput& input) {
  last_applied_ = &input;
  ++state_.step;
  state_.samples += input.samples;
  state_.next = input.next;
  report_.rows = rows_;
}

const embedding::KeyedBatch& Trainer::gradients(const UpdateInput& input) const {
  return input.used > 1 ? sum_ : input.parts.front().keys;
}

void Trainer::note_evaluation(const kernels::EvalMetrics& metrics) {
  state_.last_evaluation_step = state_.step;
  state_.last_evaluation = metrics;
}

Verdict Trainer::observe(const kernels::EvalMetrics& metrics) {
  note_evaluation(metrics);
  for (int part = 0; part < kParts; ++part) {
    const ScheduleConfig& schedule = schedule_of(config_, static_cast<Part>(part));
    const auto* plateau = std::get_if<PlateauDecay>(&schedule.decay);
    if (plateau == nullptr) continue;
    const auto value = metric_value(metrics, plateau->metric);
    if (value) observe_plateau(*plateau, *value, state_.plateaus[part]);
  }
  if (!config_.early_stopping) return Verdict::kGoOn;
  const auto value = metric_value(metrics, config_.early_stopping->metric);
  if (!value) return Verdict::kGoOn;
  const Verdict verdict =
      observe_evaluation(*config_.early_stopping, *value, state_.step, state_.early_stopping);
  if (verdict == Verdict::kBest) state_.best_evaluation = metrics;
  return verdict;
}

void Trainer::require_finite() const {
  const embedding::KeyedBatch* keys =
      last_applied_ == nullptr ? nullptr : &last_applied_->parts.front().keys;
  if (const auto tensor = first_non_finite(network_, keys)) {
    throw Error{ErrorCode::kDiverged, "after update {}: {} is not finite; nothing is saved",
                state_.step, *tensor};
  }
}

}  // namespace strata::train
