#include "kernels/hash_buckets.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <vector>

#include "base/buffer.h"
#include "base/hash.h"

namespace strata::kernels {
namespace {

constexpr int64_t kAbsent = -7;

using Finder = void (*)(const BucketRuns&, std::span<const uint64_t>, int64_t, std::span<int64_t>);

/// Runs of `homes` homes and the same number of buckets behind them, filled by the rule of Bucket.
class FilledRuns {
 public:
  FilledRuns(int run_bits, uint64_t homes)
      : homes_(homes), buckets_((size_t{2} * homes) << run_bits), run_bits_(run_bits) {
    for (size_t r = 0; r < size_t{1} << run_bits; ++r) {
      runs_.push_back({.buckets = buckets_.data() + r * 2 * homes, .homes = homes});
    }
    for (Bucket& bucket : buckets_) {  // what lies beyond count must not matter
      std::fill_n(bucket.keys, Bucket::kKeys, mix64(1));
      bucket.meta = 0;
    }
  }
  void insert(uint64_t h, uint32_t slot) {
    Bucket* bucket = view().home_of(h);
    for (; bucket->full(); ++bucket) bucket->meta += Bucket::kOnePassed;
    bucket->keys[bucket->count()] = h;
    bucket->slots[bucket->count()] = slot;
    ++bucket->meta;
    model_[h] = slot;
  }
  BucketRuns view() const { return {.runs = runs_.data(), .run_bits = run_bits_}; }
  int64_t slot_of(uint64_t h) const {
    const auto found = model_.find(h);
    return found == model_.end() ? kAbsent : found->second;
  }
  uint64_t places() const { return homes_ * Bucket::kKeys << run_bits_; }

 private:
  uint64_t homes_;
  AlignedVector<Bucket> buckets_;
  int run_bits_;
  std::vector<BucketRun> runs_;
  std::map<uint64_t, int64_t> model_;
};

class FindSlots : public testing::TestWithParam<Finder> {};
INSTANTIATE_TEST_SUITE_P(Isa, FindSlots, testing::Values(&find_slots, &find_slots_portable));

TEST_P(FindSlots, FindsWhatIsThereAndNothingElse) {
  for (const int run_bits : {0, 3}) {
    for (const double load : {0.0, 0.5, 0.9, 1.2}) {
      FilledRuns filled(run_bits, 40);
      const auto present = static_cast<uint64_t>(load * static_cast<double>(filled.places()));
      for (uint64_t i = 0; i < present; ++i) filled.insert(mix64(2 * i + 2), uint32_t(~i));
      for (const size_t count : {0, 1, 31, 32, 33, 64, 65, 1000}) {
        const CounterRng rng{count};
        std::vector<uint64_t> keys(count);  // half of them are there, 1 is the stale one
        for (size_t i = 0; i < count; ++i) keys[i] = mix64(1 + rng.below(i, 4 * present + 4));
        std::vector<int64_t> slots(count);
        GetParam()(filled.view(), keys, kAbsent, slots);
        for (size_t i = 0; i < count; ++i) {
          ASSERT_EQ(slots[i], filled.slot_of(keys[i])) << "load " << load << ", key " << i;
        }
      }
    }
  }
}

TEST_P(FindSlots, ExtremeKeysAreOrdinary) {
  FilledRuns filled(1, 2);
  filled.insert(0, 5);
  filled.insert(~uint64_t{0}, 6);
  const std::vector<uint64_t> keys = {0, ~uint64_t{0}, 1, 0};
  std::vector<int64_t> slots(4);
  GetParam()(filled.view(), keys, kAbsent, slots);
  EXPECT_EQ(slots, (std::vector<int64_t>{5, 6, kAbsent, 5}));
}

}  // namespace
}  // namespace strata::kernels
