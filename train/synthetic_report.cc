#include "train/synthetic_report.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <unordered_map>
#include <vector>

namespace strata::train {
namespace {

using data::CriteoGenerator;
using data::GeneratedRow;
using data::kCriteoCategories;

constexpr uint32_t kLearnable = 5;  // an id seen less often teaches nothing
constexpr uint32_t kFrequent = 20;
constexpr int64_t kTaskRows = 1024;

using Counts = std::unordered_map<uint64_t, uint32_t>;

/// How often each id occurs in rows [0, end), one map a column so that columns go in parallel.
std::vector<Counts> count_ids(const CriteoGenerator& generator, int64_t end, ThreadPool& pool,
                              int64_t& positives) {
  constexpr int64_t kBlock = 1 << 16;
  std::vector<Counts> counts(kCriteoCategories);
  std::vector<GeneratedRow> rows(kBlock);
  for (int64_t start = 0; start < end; start += kBlock) {
    const int64_t n = std::min(kBlock, end - start);
    pool.parallel_for((n + kTaskRows - 1) / kTaskRows, [&](int64_t task, int) {
      for (int64_t i = task * kTaskRows; i < std::min(n, (task + 1) * kTaskRows); ++i) {
        rows[i] = generator.row(start + i);
      }
    });
    pool.parallel_for(kCriteoCategories, [&](int64_t c, int) {
      for (int64_t i = 0; i < n; ++i) {
        if (rows[i].ranks[c] != GeneratedRow::kNoRank) ++counts[c][rows[i].identity[c]];
      }
    });
    for (int64_t i = 0; i < n; ++i) positives += rows[i].label;
  }
  return counts;
}

uint32_t seen(const Counts& counts, const GeneratedRow& row, int column) {
  if (row.ranks[column] == GeneratedRow::kNoRank) return kFrequent;  // missing is common
  const auto found = counts.find(row.identity[column]);
  return found == counts.end() ? 0 : found->second;
}

/// E[sigmoid(x + noise)] as a logit, for noise of the given variance (probit approximation,
/// MacKay 1992, "The evidence framework applied to classification networks").
float averaged(double logit, double variance) {
  return static_cast<float>(logit / std::sqrt(1 + std::numbers::pi / 8 * variance));
}

/// Logits of one row: of the hidden model, and of it without parts of its ids.
struct Judgement {
  float label = 0, best = 0, learnable = 0, without_interactions = 0;
};

Judgement judge(const CriteoGenerator& generator, int64_t index,
                const std::vector<Counts>& counts) {
  const GeneratedRow row = generator.row(index);
  CriteoGenerator::Visibility learnable, no_frequent;
  for (int c = 0; c < kCriteoCategories; ++c) {
    const uint32_t n = seen(counts[c], row, c);
    learnable.main[c] = learnable.interaction[c] = n >= kLearnable;
    no_frequent.main[c] = true;
    no_frequent.interaction[c] = n < kFrequent;
  }
  double variance = 0;
  const double partial = generator.logit(index, row, learnable, &variance);
  const double additive = generator.logit(index, row, no_frequent, nullptr);
  return {.label = static_cast<float>(row.label),
          .best = static_cast<float>(row.logit),
          .learnable = averaged(partial, variance),
          .without_interactions = static_cast<float>(additive)};
}

void push(kernels::MetricsAccumulator& metrics, float logit, float label) {
  metrics.add({.logits = {&logit, 1}, .labels = {&label, 1}, .weights = {}, .groups = {}});
}

}  // namespace

SyntheticReport synthetic_report(const CriteoGenerator& generator, int64_t rows,
                                 double eval_fraction, ThreadPool& pool) {
  SyntheticReport report;
  report.rows = rows;
  report.eval_rows = std::clamp<int64_t>(std::llround(eval_fraction * static_cast<double>(rows)),
                                         std::min<int64_t>(1, rows), rows);
  int64_t positives = 0;
  const int64_t split = rows - report.eval_rows;
  const std::vector<Counts> counts = count_ids(generator, split, pool, positives);
  for (const Counts& column : counts) report.distinct_ids += static_cast<int64_t>(column.size());
  std::vector<Judgement> judgements(static_cast<size_t>(report.eval_rows));
  pool.parallel_for((report.eval_rows + kTaskRows - 1) / kTaskRows, [&](int64_t task, int) {
    const int64_t last = std::min(report.eval_rows, (task + 1) * kTaskRows);
    for (int64_t i = task * kTaskRows; i < last; ++i) {
      judgements[i] = judge(generator, split + i, counts);
    }
  });
  kernels::MetricsAccumulator best, learnable, without_interactions;
  for (const Judgement& row : judgements) {
    positives += row.label > 0;
    push(best, row.best, row.label);
    push(learnable, row.learnable, row.label);
    push(without_interactions, row.without_interactions, row.label);
  }
  report.positive_rate = static_cast<double>(positives) / static_cast<double>(rows);
  report.best = best.compute();
  report.learnable = learnable.compute();
  report.without_interactions = without_interactions.compute();
  return report;
}

}  // namespace strata::train
