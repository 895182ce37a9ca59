#include "models/network.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "base/config_fault.h"

namespace strata::models {
namespace {

const embedding::TableConfig& find_table(const std::vector<embedding::TableConfig>& tables,
                                         const std::string& name) {
  const auto found = std::find_if(tables.begin(), tables.end(),
                                  [&](const auto& table) { return table.name == name; });
  if (found == tables.end()) {
    throw_fault({{{"tables", name}},
                 fmt::format("the model reads table '{}', which is not configured", name)});
  }
  return *found;
}

/// Columns of every lookup in the pooled matrix, deep ones first.
ModelInput plan_columns(const NetworkConfig& config) {
  ModelInput out{.input = config.input, .lookups = {}, .pooled_width = 0, .deep_width = 0};
  for (const ModelLookup& lookup : model_lookups(config.model, config.input)) {
    const embedding::TableConfig& table = find_table(config.tables, lookup.table);
    if (lookup.wide && table.dim != 1) {
      throw_fault({{{"tables", lookup.table, "dim"}},
                   fmt::format("table '{}' of the wide part must have dim 1, it has {}",
                               lookup.table, table.dim)});
    }
    if (lookup.pooling == embedding::Pooling::kNone) {
      throw_fault({{{"tables", lookup.table, "pooling"}},
                   fmt::format("table '{}': model {} needs pooled rows; pooling none is for use "
                               "without a model",
                               lookup.table, model_name(config.model))});
    }
    out.lookups.push_back({.lookup = lookup, .column = out.pooled_width, .width = table.dim});
    out.pooled_width += table.dim;
    if (!lookup.wide) out.deep_width += table.dim;
  }
  return out;
}

}  // namespace

void check_network(const NetworkConfig& config) { check_model(config.model, plan_columns(config)); }

DenseSize dense_size(const NetworkConfig& config) {
  const ModelInput input = plan_columns(config);
  check_model(config.model, input);
  dense::Parameters parameters;
  dense::Program program(parameters, config.dense.precision, config.seed);
  build_model(config.model, input, program);
  DenseSize size;
  for (const dense::ParameterInfo& tensor : parameters.tensors()) {
    size.weights += tensor.size();
    if (!tensor.trainable) continue;
    const auto width = static_cast<int>(tensor.cols());
    size.state += tensor.rows() * config.dense.optimizer.state_floats(width);
  }
  return size;
}

Network::Network(NetworkConfig config) : config_(std::move(config)) {
  const ModelInput input = plan_columns(config_);
  check_model(config_.model, input);
  program_ = std::make_unique<dense::Program>(parameters_, config_.dense.precision, config_.seed);
  tensors_ = build_model(config_.model, input, *program_);
  program_->finish(tensors_.logits);
  parameters_.finalize(config_.seed, config_.dense);
  program_->set_before_forward([this](const dense::Chunk& chunk) { fill_inputs(chunk); });

  std::vector<embedding::Lookup> lookups;
  lookups.reserve(input.lookups.size());
  for (const PooledColumns& columns : input.lookups) {
    lookups.push_back({.feature = columns.lookup.feature,
                       .table = columns.lookup.table,
                       .pooling = columns.lookup.pooling,
                       .out_column = columns.column});
  }
  collection_ =
      std::make_unique<embedding::Collection>(config_.tables, std::move(lookups), config_.seed);
}

Network::~Network() = default;

dense::PassInfo Network::begin_pass(const Batch& batch, const embedding::KeyedBatch& keyed,
                                    dense::Mode mode, uint64_t step, ThreadPool& pool) {
  STRATA_CHECK(keyed.size() == batch.size, "keyed batch", keyed.size(), batch.size);
  STRATA_CHECK(!batch.chunk_begin.empty() && batch.chunk_begin.back() == batch.size, "chunk_begin",
               batch.size);
  const dense::PassInfo pass{.chunk_begin = batch.chunk_begin, .mode = mode, .step = step};
  program_->reserve(std::max<int64_t>(batch.size, 1), pass.chunks(), pool.threads());
  if (logits_.size() < static_cast<size_t>(batch.size)) logits_.resize(batch.size);
  if (dlogits_.size() < static_cast<size_t>(batch.size)) dlogits_.resize(batch.size);
  batch_ = &batch;
  keyed_ = &keyed;
  return pass;
}

void Network::fill_inputs(const dense::Chunk& chunk) {
  const int width = tensors_.dense.width;
  if (width > 0) {
    const auto dense = program_->value<float>(tensors_.dense, chunk.begin);
    const float* from = batch_->dense.data() + chunk.begin * width;
    for (int64_t r = 0; r < chunk.rows(); ++r) {
      std::copy_n(from + r * width, width, dense.row(r));
    }
  }
  if (tensors_.pooled.width > 0) {
    const auto pooled = program_->value<float>(tensors_.pooled, chunk.begin);
    collection_->pool(*keyed_, chunk.begin, chunk.end, pooled.data, pooled.stride);
  }
}

void Network::read_logits(const dense::Chunk& chunk) {
  const auto logits = program_->value<float>(tensors_.logits, chunk.begin);
  for (int64_t r = 0; r < chunk.rows(); ++r) logits_[chunk.begin + r] = logits.row(r)[0];
}

void Network::write_dlogits(const dense::Chunk& chunk, std::span<const float> dlogits) {
  const auto gradient = program_->gradient<float>(tensors_.logits, chunk.begin);
  for (int64_t r = 0; r < chunk.rows(); ++r) gradient.row(r)[0] = dlogits[chunk.begin + r];
}

std::span<const float> Network::forward(const Batch& batch, const embedding::KeyedBatch& keyed,
                                        dense::Mode mode, uint64_t step, ThreadPool& pool) {
  const dense::PassInfo pass = begin_pass(batch, keyed, mode, step, pool);
  step_ = step;
  program_->forward(pass, pool);
  const auto logits = program_->value<float>(tensors_.logits, 0);
  for (int64_t r = 0; r < batch.size; ++r) logits_[r] = logits.row(r)[0];
  return {logits_.data(), static_cast<size_t>(batch.size)};
}

void Network::backward(const Batch& batch, std::span<const float> dlogits, bool accumulate,
                       ThreadPool& pool) {
  STRATA_CHECK(batch_ == &batch, "backward of another batch than forward's");
  STRATA_CHECK(static_cast<int64_t>(dlogits.size()) == batch.size, "dlogits", dlogits.size());
  const dense::PassInfo pass{
      .chunk_begin = batch.chunk_begin, .mode = dense::Mode::kTrain, .step = step_};
  const auto gradient = program_->gradient<float>(tensors_.logits, 0);
  for (int64_t r = 0; r < batch.size; ++r) gradient.row(r)[0] = dlogits[r];
  program_->backward(pass, pool);
  parameters_.reduce_gradients(batch.chunk_begin, accumulate, pool);
}

std::span<const float> Network::forward_backward(const Batch& batch,
                                                 const embedding::KeyedBatch& keyed,
                                                 const TrainingPass& training, const LossHook& loss,
                                                 ThreadPool& pool) {
  const dense::PassInfo pass = begin_pass(batch, keyed, dense::Mode::kTrain, training.step, pool);
  const auto size = static_cast<size_t>(batch.size);
  program_->forward_backward(
      pass,
      [&](const dense::Chunk& chunk) {
        read_logits(chunk);
        loss(chunk.begin, chunk.end, {logits_.data(), size}, {dlogits_.data(), size});
        write_dlogits(chunk, {dlogits_.data(), size});
      },
      pool);
  parameters_.reduce_gradients(batch.chunk_begin, training.accumulate, pool);
  return {logits_.data(), size};
}

dense::Block<const float> Network::dpool() const {
  const auto gradient = program_->gradient<float>(tensors_.pooled, 0);
  return {gradient.data, gradient.stride};
}

void Network::dense_update(int64_t step, float scale, ThreadPool& pool) {
  parameters_.update(step, scale, pool);
}

}  // namespace strata::models
