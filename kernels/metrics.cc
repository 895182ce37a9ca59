// AUC by radix sort. A sample is one 64-bit word: the logit's bits made order-preserving (32), the
// label (1), the bits of the weight without its sign (31). Least-significant-digit radix sort over
// the upper half is stable, so the order of equal logits is the order of arrival: deterministic.

#include "kernels/metrics.h"

#include <array>
#include <bit>
#include <cmath>
#include <utility>

#include "base/check.h"
#include "base/error.h"

namespace strata::kernels {
namespace {

constexpr uint64_t kLabelBit = uint64_t{1} << 31;

uint64_t pack(float logit, bool positive, float weight) {
  const uint32_t u = std::bit_cast<uint32_t>(logit + 0.0f);  // -0 and 0 are one logit
  const uint32_t ordered = u >> 31 ? ~u : u | 0x80000000u;
  return uint64_t{ordered} << 32 | (positive ? kLabelBit : 0) | std::bit_cast<uint32_t>(weight);
}

uint32_t rank_of(uint64_t scored) { return static_cast<uint32_t>(scored >> 32); }
bool positive(uint64_t scored) { return (scored & kLabelBit) != 0; }
double weight_of(uint64_t scored) {
  return std::bit_cast<float>(static_cast<uint32_t>(scored & (kLabelBit - 1)));
}

constexpr int kDigitBits = 11;
constexpr size_t kDigits = size_t{1} << kDigitBits;

/// Stable sort of `items` by the low `bits` bits of key(item); `spare` is as long as `items`.
template <class T, class Key>
void radix_sort(std::vector<T>& items, std::vector<T>& spare, int bits, Key key) {
  for (int shift = 0; shift < bits; shift += kDigitBits) {
    std::array<size_t, kDigits> begin{};
    const auto digit = [&](const T& item) {
      return static_cast<size_t>(key(item) >> shift) & (kDigits - 1);
    };
    for (const T& item : items) ++begin[digit(item)];
    if (!items.empty() && begin[digit(items[0])] == items.size()) continue;  // all alike
    size_t sum = 0;
    for (size_t& b : begin) sum += std::exchange(b, sum);
    for (const T& item : items) spare[begin[digit(item)]++] = item;
    items.swap(spare);
  }
}

/// Area under the ROC curve of samples that arrive in order of rank; ties count half.
class AucSum {
 public:
  void add(uint64_t scored) {
    if (rank_of(scored) != rank_) close_ties(rank_of(scored));
    (positive(scored) ? tied_positives_ : tied_negatives_) += weight_of(scored);
  }
  std::optional<double> finish() {
    close_ties(rank_);
    if (positives_ == 0 || negatives_ == 0) return std::nullopt;
    return ordered_pairs_ / (positives_ * negatives_);
  }
  double weight() const { return positives_ + negatives_; }  // after finish

 private:
  void close_ties(uint32_t next) {
    ordered_pairs_ += tied_positives_ * (negatives_ + 0.5 * tied_negatives_);
    positives_ += tied_positives_;
    negatives_ += tied_negatives_;
    tied_positives_ = tied_negatives_ = 0;
    rank_ = next;
  }

  uint32_t rank_ = 0;
  double tied_positives_ = 0, tied_negatives_ = 0;
  double positives_ = 0, negatives_ = 0;
  double ordered_pairs_ = 0;  // weight of (positive, lower negative) pairs
};

std::optional<double> auc_of(std::vector<uint64_t> scored) {
  std::vector<uint64_t> spare(scored.size());
  radix_sort(scored, spare, 32, rank_of);
  AucSum sum;
  for (const uint64_t s : scored) sum.add(s);
  return sum.finish();
}

struct GroupedSample {
  uint64_t group;
  uint64_t scored;
};

void add_group_auc(const std::vector<uint64_t>& groups, const std::vector<uint64_t>& scored,
                   EvalMetrics& out) {
  std::vector<GroupedSample> samples(scored.size());
  for (size_t i = 0; i < scored.size(); ++i) samples[i] = {groups[i], scored[i]};
  std::vector<GroupedSample> spare(samples.size());
  radix_sort(samples, spare, 32, [](const GroupedSample& s) { return rank_of(s.scored); });
  radix_sort(samples, spare, 64, [](const GroupedSample& s) { return s.group; });
  double auc_weight = 0;
  double weight = 0;
  for (size_t i = 0; i < samples.size();) {
    AucSum sum;
    const uint64_t group = samples[i].group;
    for (; i < samples.size() && samples[i].group == group; ++i) sum.add(samples[i].scored);
    ++out.groups;
    const auto auc = sum.finish();
    if (!auc) continue;
    ++out.groups_with_auc;
    auc_weight += *auc * sum.weight();
    weight += sum.weight();
  }
  if (weight > 0) out.group_auc = auc_weight / weight;
}

/// Entropy of a coin with P(1) = p in (0, 1), in nats.
double entropy(double p) { return -p * std::log(p) - (1 - p) * std::log1p(-p); }

void check_samples(const EvalSamples& batch, int64_t before) {
  const size_t n = batch.logits.size();
  STRATA_CHECK(batch.labels.size() == n, "labels", batch.labels.size(), n);
  STRATA_CHECK(batch.weights.empty() || batch.weights.size() == n, "weights", batch.weights.size(),
               n);
  STRATA_CHECK(batch.groups.empty() || batch.groups.size() == n, "groups", batch.groups.size(), n);
  for (const float label : batch.labels) {
    STRATA_CHECK(label == 0 || label == 1, "label of an evaluation", label);
  }
  for (const float weight : batch.weights) {
    STRATA_CHECK(weight >= 0 && std::isfinite(weight), "sample weight", weight);
  }
  for (size_t i = 0; i < n; ++i) {
    if (std::isfinite(batch.logits[i])) continue;
    throw Error(ErrorCode::kDiverged, "sample {} of the evaluation has a logit of {}",
                before + static_cast<int64_t>(i), batch.logits[i]);
  }
}

}  // namespace

void MetricsAccumulator::add(const EvalSamples& batch) {
  check_samples(batch, samples_);
  STRATA_CHECK(samples_ == 0 || batch.logits.empty() || batch.groups.empty() == groups_.empty(),
               "groups always or never");
  for (size_t i = 0; i < batch.logits.size(); ++i) {
    const double x = batch.logits[i];
    const double label = batch.labels[i];
    const float weight = batch.weights.empty() ? 1.0f : batch.weights[i];
    scored_.push_back(pack(batch.logits[i], label == 1, std::abs(weight)));
    const double tail = std::exp(-std::abs(x));
    loss_ += weight * (std::fmax(x, 0) - x * label + std::log1p(tail));
    weight_ += weight;
    positives_ += weight * label;
    predicted_ += weight * ((x >= 0 ? 1 : tail) / (1 + tail));
  }
  groups_.insert(groups_.end(), batch.groups.begin(), batch.groups.end());
  samples_ += static_cast<int64_t>(batch.logits.size());
}

EvalMetrics MetricsAccumulator::compute() const {
  EvalMetrics out;
  out.samples = samples_;
  out.weight = weight_;
  if (weight_ > 0) {
    out.logloss = loss_ / weight_;
    const double rate = positives_ / weight_;
    if (rate > 0 && rate < 1) out.normalized_entropy = *out.logloss / entropy(rate);
    if (positives_ > 0) out.calibration = predicted_ / positives_;
  }
  out.auc = auc_of(scored_);
  if (!groups_.empty()) add_group_auc(groups_, scored_, out);
  return out;
}

void MetricsAccumulator::clear() {
  scored_.clear();
  groups_.clear();
  samples_ = 0;
  loss_ = weight_ = positives_ = predicted_ = 0;
}

}  // namespace strata::kernels
