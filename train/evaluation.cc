#include "train/evaluation.h"

#include "base/check.h"
#include "base/error.h"
#include "train/batch_pipeline.h"

namespace strata::train {
namespace {

void score(models::Network& network, KeyedInput& input, uint32_t update, ThreadPool& pool,
           kernels::MetricsAccumulator& metrics) {
  auto& [batch, keys] = input;
  network.collection().look_up(keys, embedding::LookUpMode::kReadOnly, update, pool);
  const auto logits = network.forward(batch, keys, dense::Mode::kEval, 0, pool);
  with_context(fmt::format("evaluation, batch {}", batch.position.batch), [&] {
    metrics.add({.logits = logits,
                 .labels = batch.labels,
                 .weights = batch.sample_weights,
                 .groups = batch.groups});
  });
}

}  // namespace

std::optional<double> metric_value(const kernels::EvalMetrics& metrics, EvalMetric metric) {
  switch (metric) {
    case EvalMetric::kAuc:
      return metrics.auc;
    case EvalMetric::kLogloss:
      return metrics.logloss;
    case EvalMetric::kNe:
      return metrics.normalized_entropy;
    case EvalMetric::kGauc:
      return metrics.group_auc;
  }
  STRATA_CHECK(false, "metric", static_cast<int>(metric));
  return std::nullopt;
}

std::optional<kernels::EvalMetrics> evaluate(models::Network& network, data::Reader& reader,
                                             uint32_t update, ThreadPool& pool,
                                             const std::stop_token& stop) {
  reader.seek({});
  kernels::MetricsAccumulator metrics;
  BatchPipeline pipeline(reader, network.collection(), 1);
  while (UpdateInput* input = pipeline.next()) {
    if (stop.stop_requested()) return std::nullopt;
    if (input->samples > 0) score(network, input->parts.front(), update, pool, metrics);
  }
  return metrics.compute();
}

}  // namespace strata::train
