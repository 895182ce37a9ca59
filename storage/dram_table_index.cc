#include "storage/dram_table_index.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace strata::storage {
namespace {

constexpr double kOverload = 1.07;   // of max_load, in a run that holds more keys than its share
constexpr double kGrowth = 1.15;     // of a run: small steps keep the slack small
constexpr double kMinGrowth = 1.07;  // of a run that has left the schedule
constexpr double kTinyGrowth = 1.5;
constexpr uint64_t kTinyHomes = 32;

uint64_t padding_for(uint64_t homes) { return 1 + std::min<uint64_t>(homes / 32, 7); }

int64_t keys_at(uint64_t homes, double load) {
  const double places = static_cast<double>(homes) * Bucket::kKeys;
  return std::max<int64_t>(1, static_cast<int64_t>(places * load));
}

}  // namespace

DramTableIndex::DramTableIndex(DramTableMemory& memory, const DramTableShape& shape,
                               const std::vector<int64_t>& expected)
    : memory_(&memory),
      run_bits_(shape.run_bits),
      max_load_(shape.max_load),
      runs_(expected.size()),
      states_(expected.size()) {
  try {
    for (size_t r = 0; r < runs_.size(); ++r) {
      resize(r, scheduled(r, static_cast<double>(expected[r])));
    }
  } catch (...) {
    for (size_t r = 0; r < runs_.size(); ++r) release(r);
    throw;
  }
}

DramTableIndex::~DramTableIndex() {
  for (size_t r = 0; r < runs_.size(); ++r) release(r);
}

void DramTableIndex::swap(DramTableIndex& other) noexcept {
  std::swap(memory_, other.memory_);
  std::swap(run_bits_, other.run_bits_);
  std::swap(max_load_, other.max_load_);
  mean_ = other.mean_.load(std::memory_order_relaxed);
  runs_.swap(other.runs_);
  states_.swap(other.states_);
}

void DramTableIndex::release(size_t run) {
  kernels::BucketRun& r = runs_[run];
  if (!r.buckets) return;
  memory_->release(reinterpret_cast<std::byte*>(r.buckets),
                   (r.homes + states_[run].padding) * sizeof(Bucket));
  r = {};
}

bool DramTableIndex::copy_keys(size_t run, kernels::BucketRun to, uint64_t padding) const {
  if (!runs_[run].buckets) return true;
  const Bucket* end = to.buckets + to.homes + padding;
  bool fits = true;
  for_each(run, [&](uint64_t h, uint32_t slot) {
    fits = fits && insert_key(to.home(h << run_bits_), end, h, slot);
  });
  return fits;
}

/// Homes for so many keys at max_load.
uint64_t DramTableIndex::homes_for(double keys) const {
  return static_cast<uint64_t>(std::ceil(std::max(1.0, keys / (Bucket::kKeys * max_load_))));
}

/// The capacity, at least `keys`, of run r among n: kGrowth^(k + r / n) for a whole k. At any size
/// of the table the runs are thus evenly spread over one step of growth, and take it one by one.
double DramTableIndex::scheduled(size_t run, double keys) const {
  if (runs_.size() == 1) return keys;
  const double phase = static_cast<double>(run) / static_cast<double>(runs_.size());
  const double step = std::ceil(std::log(std::max(1.0, keys)) / std::log(kGrowth) - phase);
  return std::pow(kGrowth, step + phase);
}

/// Gives a run homes for `keys` keys.
void DramTableIndex::resize(size_t run, double keys) {
  const uint64_t homes = homes_for(keys);
  rebuild(run, {homes, std::max<uint64_t>(padding_for(homes), states_[run].padding)});
  states_[run].limit = keys_at(homes, runs_.size() > 1 ? max_load_ * kOverload : max_load_);
  states_[run].mean_limit = static_cast<int64_t>(keys);
}

/// Moves a run to `size`; doubles the padding until the keys fit.
void DramTableIndex::rebuild(size_t run, RunSize size) {
  kernels::BucketRun larger{.buckets = nullptr, .homes = size.homes};
  for (;; size.padding *= 2) {
    const size_t bytes = (size.homes + size.padding) * sizeof(Bucket);
    larger.buckets = reinterpret_cast<Bucket*>(memory_->allocate(bytes));
    if (copy_keys(run, larger, size.padding)) break;
    memory_->release(reinterpret_cast<std::byte*>(larger.buckets), bytes);
  }
  release(run);
  runs_[run] = larger;
  states_[run].padding = static_cast<uint32_t>(size.padding);
}

void DramTableIndex::make_room(size_t run, int64_t more) {
  const RunState& state = states_[run];
  const int64_t keys = state.size + more;
  const int64_t mean = mean_.load(std::memory_order_relaxed);
  // A run far below the average (a range without keys) grows by its own size alone.
  const bool turn = mean >= state.mean_limit && 5 * keys >= 4 * state.mean_limit;
  const bool lone = runs_.size() == 1;
  if (keys <= state.limit && (lone || !turn)) return;
  const auto needed = static_cast<double>(turn ? std::max(keys, mean) : keys) + 1;
  const double least = lone ? (runs_[run].homes < kTinyHomes ? kTinyGrowth : kGrowth) : kMinGrowth;
  resize(run, scheduled(run, std::max(needed, least * static_cast<double>(state.mean_limit))));
}

/// For a run whose keys crowd at its end: more homes where it is fairly full, else more padding.
void DramTableIndex::grow(size_t run) {
  const RunState& state = states_[run];
  if (2 * state.size < state.limit) return rebuild(run, {runs_[run].homes, 2ull * state.padding});
  make_room(run, state.limit - state.size + 1);
}

void DramTableIndex::insert(uint64_t h, uint32_t slot) {
  const size_t run = run_of(h);
  make_room(run, 1);
  while (!insert_key(home_of(h), end_of(run), h, slot)) grow(run);
  ++states_[run].size;
}

void DramTableIndex::erase(uint64_t h, Place place) {
  erase_key(home_of(h), place);
  --states_[run_of(h)].size;
}

void DramTableIndex::reserve(size_t run, double keys) {
  if (runs_[run].homes < homes_for(keys + 1)) resize(run, scheduled(run, keys + 1));
}

int64_t DramTableIndex::described_bytes() const {
  return static_cast<int64_t>(runs_.size() * (sizeof(kernels::BucketRun) + sizeof(RunState)));
}

}  // namespace strata::storage
