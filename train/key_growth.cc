#include "train/key_growth.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <utility>

namespace strata::train {
namespace {

constexpr double kLeastPower = -8;  // as good as no further key

/// The chance that a key which occurs `mean` times on average has occurred fewer than `count` times
/// (Wilson & Hilferty 1931; `count` need not be whole).
double fewer_than(double count, double mean) {
  const double spread = 1 / (9 * count);
  const double deviation = (std::cbrt(mean / count) - (1 - spread)) / std::sqrt(spread);
  return std::erfc(deviation / std::numbers::sqrt2) / 2;
}

double keys_of_count(const KeyHistogram& histogram, double count) {
  for (const KeyHistogram::Class& c : histogram.classes) {
    if (c.count == count) return c.keys;
  }
  return 0;
}

}  // namespace

KeyGrowth::KeyGrowth(KeyHistogram histogram, double epoch)
    : histogram_(std::move(histogram)),
      counted_(histogram_.occurrences()),
      epoch_(std::max(epoch, counted_)),
      once_(keys_of_count(histogram_, 1)) {
  const double twice = keys_of_count(histogram_, 2);
  power_ = once_ > 0 ? std::max(kLeastPower, 1 - 2 * twice / once_) : kLeastPower;
}

double KeyGrowth::distinct(double occurrences) const {
  if (counted_ <= 0) return 0;
  const double share = std::clamp(occurrences, 0.0, epoch_) / counted_;
  double sum = 0;
  if (share < 1) {
    const double passed = std::log1p(-share);
    for (const auto& c : histogram_.classes) sum -= c.keys * std::expm1(c.count * passed);
    return sum;
  }
  sum = histogram_.keys();
  if (share == 1) return sum;
  const bool logarithmic = std::abs(power_) < 1e-6;
  const double more = logarithmic ? std::log(share) : std::expm1(power_ * std::log(share)) / power_;
  return sum + once_ * more;
}

double KeyGrowth::occurrences(double distinct) const {
  if (distinct <= 0) return 0;
  if (this->distinct(epoch_) < distinct) return std::numeric_limits<double>::infinity();
  double low = 0;
  double high = epoch_;
  for (int i = 0; i < 60 && high - low > 1e-9 * high; ++i) {
    const double middle = (low + high) / 2;
    (this->distinct(middle) < distinct ? low : high) = middle;
  }
  return high;
}

double KeyGrowth::beside(const Frequent& frequent) const {
  const double most = epoch_ > counted_ ? 1 : std::numeric_limits<double>::infinity();
  const double share = std::min(most, frequent.occurrences / counted_);
  double low = 0.5;  // occurrences of the keys that are just among the frequent ones
  double high = counted_ + 1;
  for (int i = 0; i < 40; ++i) {
    const double middle = std::sqrt(low * high);
    double keys = 0;
    for (const auto& c : histogram_.classes) {
      keys += c.keys * (1 - fewer_than(middle, share * c.count));
    }
    (keys > frequent.keys ? low : high) = middle;
  }
  double sum = 0;
  for (const auto& c : histogram_.classes) {
    sum += c.keys * c.count * fewer_than(high, share * (c.count - 1));
  }
  return sum / counted_;
}

}  // namespace strata::train
