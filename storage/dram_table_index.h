#pragma once
// Which slot a key has; an implementation detail of dram_table.cc.

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "storage/dram_table.h"
#include "storage/dram_table_memory.h"
#include "storage/dram_table_run.h"

namespace strata::storage {

/// What a run knows beside its buckets; insertions read it, finds do not.
struct RunState {
  static constexpr uint32_t kNone = ~uint32_t{0};

  int64_t size = 0;             // keys
  int64_t limit = 0;            // grows before it holds more keys
  int64_t mean_limit = 1;       // grows when runs hold as many on average
  uint32_t padding = 0;         // buckets behind the homes
  uint32_t first_free = kNone;  // slot of an erased key; its row begins with the next one
  uint32_t chunk_begin = 0;     // fresh slots for this run
  uint32_t chunk_end = 0;
};

struct DramTableShape {
  int run_bits = 0;        // 0 … 16
  double max_load = 0.85;  // keys per place when a run grows; 0.5 … 0.85
};

/// 2^run_bits runs of buckets, each for a range of h, each growing by itself.
/// Thread safety: as DramTable, with "run" for "shard".
class DramTableIndex {
 public:
  double max_load() const { return max_load_; }
  /// Empty; each run gets homes for the keys it expects.
  DramTableIndex(DramTableMemory& memory, const DramTableShape& shape,
                 const std::vector<int64_t>& expected);
  ~DramTableIndex();
  DramTableIndex(const DramTableIndex&) = delete;
  DramTableIndex& operator=(const DramTableIndex&) = delete;
  void swap(DramTableIndex& other) noexcept;

  int run_bits() const { return run_bits_; }
  size_t runs() const { return runs_.size(); }
  size_t run_of(uint64_t h) const { return (h >> 1) >> (63 - run_bits_); }
  kernels::BucketRuns view() const { return {.runs = runs_.data(), .run_bits = run_bits_}; }
  Bucket* home_of(uint64_t h) const { return view().home_of(h); }
  RunState& state(size_t run) { return states_[run]; }
  const RunState& state(size_t run) const { return states_[run]; }

  /// Tells how many keys a run holds on average, new ones included. Runs follow the average rather
  /// than their own size, so that they grow in turn. Callable by several threads.
  void expect(int64_t keys) { mean_.store(keys >> run_bits_, std::memory_order_relaxed); }
  /// Grows a run, if need be, so that it holds `more` keys more.
  void make_room(size_t run, int64_t more);
  /// Inserts an absent key. Throws Error{resource}, std::bad_alloc; then nothing has changed.
  void insert(uint64_t h, uint32_t slot);
  /// Removes the key at `place`.
  void erase(uint64_t h, Place place);
  /// At least as many homes as `keys` in this run need.
  void reserve(size_t run, double keys);

  int64_t described_bytes() const;

  /// Calls visit(h, slot) for the keys of a run, in no exact order.
  template <class Visit>
  void for_each(size_t run, Visit&& visit) const {
    visit_buckets(runs_[run].buckets, end_of(run), visit);
  }
  /// The same for the keys of [first, last], a range within one run.
  template <class Visit>
  void for_each_between(uint64_t first, uint64_t last, Visit&& visit) const {
    const Bucket* end = home_of(last);
    while (end->passed() > 0) ++end;
    visit_buckets(home_of(first), end + 1, [&](uint64_t h, uint32_t slot) {
      if (h >= first && h <= last) visit(h, slot);
    });
  }

 private:
  template <class Visit>
  static void visit_buckets(const Bucket* begin, const Bucket* end, Visit&& visit) {
    for (const Bucket* b = begin; b != end; ++b) {
      for (uint32_t i = 0; i < b->count(); ++i) visit(b->keys[i], b->slots[i]);
    }
  }
  const Bucket* end_of(size_t run) const {
    return runs_[run].buckets + runs_[run].homes + states_[run].padding;
  }
  void grow(size_t run);
  uint64_t homes_for(double keys) const;
  double scheduled(size_t run, double keys) const;
  void resize(size_t run, double keys);
  struct RunSize {
    uint64_t homes, padding;
  };
  void rebuild(size_t run, RunSize size);
  bool copy_keys(size_t run, kernels::BucketRun to, uint64_t padding) const;
  void release(size_t run);

  DramTableMemory* memory_ = nullptr;
  int run_bits_ = 0;
  double max_load_ = 0;
  std::atomic<int64_t> mean_{0};
  std::vector<kernels::BucketRun> runs_;  // beside states_: what a find reads stays small
  std::vector<RunState> states_;          // [runs]
};

}  // namespace strata::storage
