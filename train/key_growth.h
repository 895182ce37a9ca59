#pragma once

#include "train/key_histogram.h"

namespace strata::train {

/// How many distinct keys of one table some of its occurrences have: the curve that tells how a
/// table grows, how many keys a batch has, and what a cache misses.
///
/// Within what was counted a key that occurs c times of N is among n occurrences with probability
/// 1 - (1 - n / N)^c (its uses lie anywhere). Beyond, the keys that occur once and twice tell how
/// many more there are: for keys whose rates fall as a power law the curve goes on as
/// n^b with b = 1 - 2 keys(2) / keys(1); b < 0 is a table that has nearly all its keys. After one
/// epoch no key is new.
class KeyGrowth {
 public:
  /// `epoch` is the number of occurrences in the whole data; at least those of the histogram.
  KeyGrowth(KeyHistogram histogram, double epoch);

  /// Distinct keys among `occurrences` that follow one another, >= 0.
  double distinct(double occurrences) const;
  /// The occurrences that have so many distinct keys; infinity when no number has.
  double occurrences(double distinct) const;

  /// The `keys` keys that occurred most often in `occurrences` occurrences.
  struct Frequent {
    double keys = 0;
    double occurrences = 0;
  };
  /// Share of the occurrences after those whose key is none of them.
  double beside(const Frequent& frequent) const;

 private:
  KeyHistogram histogram_;
  double counted_ = 0;  // occurrences of the histogram
  double epoch_ = 0;
  double once_ = 0;  // keys
  double power_ = 0;
};

}  // namespace strata::train
