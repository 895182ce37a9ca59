#include "train/divergence.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <vector>

namespace strata::train {
namespace {

bool all_finite(std::span<const float> values) {
  return std::all_of(values.begin(), values.end(), [](float x) { return std::isfinite(x); });
}

std::optional<std::string> non_finite_table(const embedding::Collection& collection,
                                            const embedding::KeyedBatch& keys) {
  const int64_t width = collection.out_width();
  std::vector<float> pooled(keys.size() * width);
  collection.pool(keys, 0, keys.size(), pooled.data(), width);
  for (const embedding::Lookup& lookup : collection.lookups()) {
    if (lookup.pooling == embedding::Pooling::kNone) continue;  // not part of the pooled matrix
    const int dim = collection.config(collection.find_table(lookup.table)).dim;
    for (int64_t sample = 0; sample < keys.size(); ++sample) {
      const float* row = pooled.data() + sample * width + lookup.out_column;
      if (!all_finite({row, static_cast<size_t>(dim)})) return "rows of table " + lookup.table;
    }
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> first_non_finite(const models::Network& network,
                                            const embedding::KeyedBatch* keys) {
  if (keys != nullptr) {
    if (auto table = non_finite_table(network.collection(), *keys)) return table;
  }
  const dense::Parameters& parameters = network.parameters();
  for (const dense::ParameterInfo& tensor : parameters.tensors()) {
    if (!all_finite(parameters.weights(tensor))) return "dense tensor " + tensor.name;
  }
  return std::nullopt;
}

bool buffers_are_finite(const dense::Parameters& parameters) {
  return std::ranges::all_of(parameters.tensors(), [&](const dense::ParameterInfo& tensor) {
    return tensor.trainable || all_finite(parameters.weights(tensor));
  });
}

Error diverged_error(std::string_view what, const models::Network& network, const Batch& batch,
                     const embedding::KeyedBatch& keys) {
  std::string where = fmt::format("epoch {}, batch {} ({} samples", batch.position.epoch,
                                  batch.position.batch, batch.size);
  if (!batch.sample_ids.empty()) where += ", first id " + batch.sample_ids.front();
  const auto tensor = first_non_finite(network, &keys);
  return Error{ErrorCode::kDiverged,
               "{} of {}) is not finite; first tensor that is not finite: {}. Lower the learning "
               "rates, set train.clip_norm, or look at the data of that batch",
               what, where, tensor.value_or("logits (rows and weights are finite)")};
}

}  // namespace strata::train
