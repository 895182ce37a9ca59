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

using Counts = std::unordered_map<uint64_t, uint32_t>;

/// How often each id occurs in rows [0, end), one map a column so that columns go in parallel.
std::vector<Counts> count_ids(const CriteoGenerator& generator, int64_t end, ThreadPool& pool,
                              int64_t& positives) {
  constexpr int64_t kBlock = 1 << 16;
  std::vector<Counts> counts(kCriteoCategories);
  std::vector<GeneratedRow> rows(kBlock);
  for (int64_t start = 0; start < end; start += kBlock) {
    const int64_t n = std::min(kBlock, end - start);
    pool.parallel_for((n + 1023) / 1024, [&](int64_t task, int) {
      for (int64_t i = task * 1024; i < std::min(n, (task + 1) * 1024); ++i) {
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

struct Judged {
  kernels::MetricsAccumulator best, learnable, without_interactions;

  void add(const CriteoGenerator& generator, const GeneratedRow& row,
           const std::vector<Counts>& counts) {
    CriteoGenerator::Visibility full, learnable_ids, no_frequent;
    for (int c = 0; c < kCriteoCategories; ++c) {
      const uint32_t n = seen(counts[c], row, c);
      full.main[c] = full.interaction[c] = no_frequent.main[c] = true;
      learnable_ids.main[c] = learnable_ids.interaction[c] = n >= kLearnable;
      no_frequent.interaction[c] = n < kFrequent;
    }
    const double drift = row.logit - generator.logit(row, full, nullptr);
    double variance = 0;
    const double partial = generator.logit(row, learnable_ids, &variance) + drift;
    const double additive = generator.logit(row, no_frequent, nullptr) + drift;
    const float label = static_cast<float>(row.label);
    push(best, static_cast<float>(row.logit), label);
    push(learnable, averaged(partial, variance), label);
    push(without_interactions, static_cast<float>(additive), label);
  }

 private:
  static void push(kernels::MetricsAccumulator& metrics, float logit, float label) {
    metrics.add({.logits = {&logit, 1}, .labels = {&label, 1}, .weights = {}, .groups = {}});
  }
};

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
  Judged judged;
  for (int64_t i = split; i < rows; ++i) {
    const GeneratedRow row = generator.row(i);
    positives += row.label;
    judged.add(generator, row, counts);
  }
  report.positive_rate = static_cast<double>(positives) / static_cast<double>(rows);
  report.best = judged.best.compute();
  report.learnable = judged.learnable.compute();
  report.without_interactions = judged.without_interactions.compute();
  return report;
}

}  // namespace strata::train
