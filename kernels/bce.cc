#include "kernels/bce.h"

#include <cmath>

#include "base/check.h"

namespace strata::kernels {
namespace {

void check_shapes(const BceArgs& args) {
  STRATA_CHECK(args.labels.size() == args.logits.size(), "labels", args.labels.size());
  STRATA_CHECK(args.weights.empty() || args.weights.size() == args.logits.size(), "weights",
               args.weights.size());
  STRATA_CHECK(args.batch_samples > 0, "samples of the batch", args.batch_samples);
}

template <class Visit>
BceSum accumulate(const BceArgs& args, Visit visit) {
  check_shapes(args);
  BceSum sum;
  for (size_t i = 0; i < args.logits.size(); ++i) {
    const double x = args.logits[i];
    const double y = args.labels[i];
    const double weight = args.weights.empty() ? 1.0 : args.weights[i];
    const double tail = std::exp(-std::abs(x));  // in (0, 1]
    const double term = weight * (std::fmax(x, 0) - x * y + std::log1p(tail));
    if (!std::isfinite(term) && sum.first_non_finite < 0) {
      sum.first_non_finite = static_cast<int64_t>(i);
    }
    sum.loss += term;
    sum.weight += weight;
    visit(i, weight * ((x >= 0 ? 1 : tail) / (1 + tail) - y));
  }
  return sum;
}

}  // namespace

BceSum bce(const BceArgs& args, float* dlogits) {
  const double scale = 1.0 / static_cast<double>(args.batch_samples);
  return accumulate(
      args, [=](size_t i, double slope) { dlogits[i] = static_cast<float>(slope * scale); });
}

BceSum bce_loss(const BceArgs& args) {
  return accumulate(args, [](size_t, double) {});
}

double bce_term(double logit, double label) {
  return std::fmax(logit, 0) - logit * label + std::log1p(std::exp(-std::abs(logit)));
}

double sigmoid(double logit) {
  const double tail = std::exp(-std::abs(logit));
  return (logit >= 0 ? 1 : tail) / (1 + tail);
}

}  // namespace strata::kernels
