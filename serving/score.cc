#include "serving/score.h"

#include <fmt/format.h>

#include <cmath>
#include <ostream>
#include <string>
#include <string_view>

#include "base/error.h"

namespace strata::serving {
namespace {

/// One field of a line: a tab or line break of the id would make it two.
std::string as_field(std::string_view id) {
  std::string text;
  for (const char c : id) {
    const size_t special = std::string_view("\t\n\r\\").find(c);
    if (special == std::string_view::npos) {
      text += c;
    } else {
      text += {'\\', "tnr\\"[special]};
    }
  }
  return text;
}

}  // namespace

std::span<const float> Scorer::score(const Batch& batch) {
  embedding::Collection& tables = network_.collection();
  tables.prepare(batch, keyed_, pool_);
  const auto met = tables.look_up(keyed_, embedding::LookUpMode::kReadOnly, update_, pool_);
  counts_.unique += met.unique;
  counts_.defaulted += met.defaulted;
  counts_.defaulted_occurrences += met.defaulted_occurrences;
  return network_.forward(batch, keyed_, dense::Mode::kEval, update_, pool_);
}

void score_all(Scorer& scorer, data::Reader& reader, const LogitSink& sink) {
  Batch batch;
  while (reader.next(batch)) {
    if (batch.size > 0) sink(batch, scorer.score(batch));
  }
}

kernels::EvalMetrics evaluate(Scorer& scorer, data::Reader& reader) {
  kernels::MetricsAccumulator metrics;
  score_all(scorer, reader, [&](const Batch& batch, std::span<const float> logits) {
    metrics.add({.logits = logits,
                 .labels = batch.labels,
                 .weights = batch.sample_weights,
                 .groups = batch.groups});
  });
  return metrics.compute();
}

void PredictionWriter::operator()(const Batch& batch, std::span<const float> logits) {
  fmt::memory_buffer lines;
  for (size_t i = 0; i < logits.size(); ++i, ++rows_) {
    if (!std::isfinite(logits[i])) {
      throw Error(ErrorCode::kDiverged, "the prediction of row {} is not finite", rows_);
    }
    const double probability = 1 / (1 + std::exp(-static_cast<double>(logits[i])));
    if (batch.sample_ids.empty()) {
      fmt::format_to(std::back_inserter(lines), "{}\t{:.9g}\n", rows_, probability);
    } else {
      fmt::format_to(std::back_inserter(lines), "{}\t{:.9g}\n", as_field(batch.sample_ids[i]),
                     probability);
    }
  }
  out_.write(lines.data(), static_cast<std::streamsize>(lines.size()));
  if (!out_) throw Error(ErrorCode::kIo, "cannot write the predictions: is the disk full?");
}

}  // namespace strata::serving
