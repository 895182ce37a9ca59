// Exact AUC over a large evaluation set: plain, weighted and per group. Logits have few distinct
// values, so that the same figures follow from histograms; both must agree.
//
//   ninja -C build auc_soak && build/tests/soak/auc_soak [samples]
//
// The last printed result is in auc.txt.
#include <fmt/format.h>
#include <sys/resource.h>

#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <span>
#include <vector>

#include "base/hash.h"
#include "kernels/metrics.h"

namespace strata {
namespace {

using Clock = std::chrono::steady_clock;
constexpr int64_t kBatch = 8192;

/// Weight of negatives and positives at each level of the logit.
class Histogram {
 public:
  explicit Histogram(size_t levels) : cells_(2 * levels) {}
  void add(size_t level, bool label, double weight) { cells_[2 * level + label] += weight; }

  double weight() const {
    double sum = 0;
    for (double cell : cells_) sum += cell;
    return sum;
  }
  /// NaN with one class.
  double auc() const {
    double below = 0, ordered = 0, positives = 0;
    for (size_t i = 0; i < cells_.size(); i += 2) {
      ordered += cells_[i + 1] * (below + cells_[i] / 2);
      below += cells_[i];
      positives += cells_[i + 1];
    }
    return ordered / (below * positives);
  }

 private:
  std::vector<double> cells_;
};

struct Task {
  const char* name;
  int64_t samples;
  uint64_t levels;  // of the logit
  bool weighted;
  uint64_t groups;  // 0: none
};

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double peak_gib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_maxrss) / (1 << 20);
}

/// The samples of a task, a batch at a time, and what they come to by histogram.
class Source {
 public:
  explicit Source(const Task& task)
      : task_(task),
        all_(task.levels),
        of_group_(task.groups, Histogram(task.groups ? task.levels : 0)) {}

  kernels::EvalSamples batch(int64_t begin) {
    const int64_t end = std::min(begin + kBatch, task_.samples);
    logits_.clear(), labels_.clear(), weights_.clear(), groups_.clear();
    for (int64_t i = begin; i < end; ++i) add(static_cast<uint64_t>(i));
    return {.logits = logits_, .labels = labels_, .weights = weights_, .groups = groups_};
  }

  double auc() const { return all_.auc(); }
  double group_auc() const {
    double sum = 0, weight = 0;
    for (const Histogram& group : of_group_) {
      const double auc = group.auc();
      if (!std::isfinite(auc)) continue;
      sum += auc * group.weight();
      weight += group.weight();
    }
    return sum / weight;
  }

 private:
  void add(uint64_t i) {
    const CounterRng rng{mix64(i)};
    const bool label = rng.uniform(0) < 0.25f;
    const float x = 0.8f * rng.uniform(1) + (label ? 0.2f : 0.0f);
    const auto level = static_cast<size_t>(x * static_cast<float>(task_.levels - 1));
    const float weight = task_.weighted ? 0.5f * static_cast<float>(1 + rng.below(2, 4)) : 1.0f;
    all_.add(level, label, weight);
    logits_.push_back(static_cast<float>(level) * 1e-6f - 0.5f);
    labels_.push_back(label);
    if (task_.weighted) weights_.push_back(weight);
    if (task_.groups == 0) return;
    const uint64_t group = rng.below(3, task_.groups);
    of_group_[group].add(level, label, weight);
    groups_.push_back(mix64(group));
  }

  Task task_;
  Histogram all_;
  std::vector<Histogram> of_group_;
  std::vector<float> logits_, labels_, weights_;
  std::vector<uint64_t> groups_;
};

bool close(double a, double b) { return std::abs(a - b) <= 1e-12; }

bool run(const Task& task) {
  Source source(task);
  kernels::MetricsAccumulator metrics;
  double adding = 0;
  for (int64_t begin = 0; begin < task.samples; begin += kBatch) {
    const kernels::EvalSamples batch = source.batch(begin);
    const auto start = Clock::now();
    metrics.add(batch);
    adding += seconds_since(start);
  }
  const auto start = Clock::now();
  const kernels::EvalMetrics result = metrics.compute();
  const double computing = seconds_since(start);
  bool same = close(*result.auc, source.auc());
  if (task.groups > 0) same = same && close(*result.group_auc, source.group_auc());
  fmt::print(
      "{:<22} {:>11} samples  auc {:.9f}  gauc {:>11}  add {:6.2f} s  compute {:6.2f} s  "
      "peak {:5.2f} GiB  {}\n",
      task.name, task.samples, *result.auc,
      result.group_auc ? fmt::format("{:.9f}", *result.group_auc) : "-", adding, computing,
      peak_gib(), same ? "exact" : "WRONG");
  return same;
}

}  // namespace
}  // namespace strata

int main(int argc, char** argv) {
  const int64_t samples = argc > 1 ? std::stoll(argv[1]) : 100'000'000;
  bool ok = true;
  for (const strata::Task& task :
       {strata::Task{"plain", samples, 1 << 20, false, 0},
        strata::Task{"weighted", samples, 1 << 20, true, 0},
        strata::Task{"weighted, 100 k groups", samples, 64, true, 100'000}}) {
    ok = strata::run(task) && ok;
  }
  return ok ? 0 : 1;
}
