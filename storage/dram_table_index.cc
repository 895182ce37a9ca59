#include "storage/dram_table_index.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace strata::storage {
namespace {

constexpr double kMaxLoad = 0.85;  // keys per place; a walk then sees 1.3 buckets on average
constexpr double kGrowth = 1.15;   // of a run: small steps keep the slack small
constexpr double kTinyGrowth = 1.5;
constexpr uint64_t kTinyHomes = 32;

uint64_t padding_for(uint64_t homes) { return 1 + std::min<uint64_t>(homes / 32, 7); }

uint64_t homes_for(double keys, double load) {
  return static_cast<uint64_t>(std::ceil(std::max(1.0, keys / (Bucket::kKeys * load))));
}

int64_t limit_for(uint64_t homes) {
  const double places = static_cast<double>(homes) * Bucket::kKeys;
  return std::max<int64_t>(1, static_cast<int64_t>(places * kMaxLoad));
}

}  // namespace

DramTableIndex::DramTableIndex(DramTableMemory& memory, int run_bits,
                               const std::vector<int64_t>& expected)
    : memory_(&memory), run_bits_(run_bits), runs_(expected.size()), states_(expected.size()) {
  const auto count = static_cast<double>(runs_.size());
  try {
    for (size_t r = 0; r < runs_.size(); ++r) {
      const double load = kMaxLoad / std::pow(kGrowth, static_cast<double>(r) / count);
      const uint64_t homes = homes_for(static_cast<double>(expected[r]), load);
      rebuild(r, homes, padding_for(homes));
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
  runs_.swap(other.runs_);
  states_.swap(other.states_);
}

void DramTableIndex::release(size_t run) {
  Run& r = runs_[run];
  if (!r.buckets) return;
  memory_->release(reinterpret_cast<std::byte*>(r.buckets),
                   (r.homes + states_[run].padding) * sizeof(Bucket));
  r = {};
}

bool DramTableIndex::copy_keys(size_t run, Run to, uint64_t padding) const {
  if (!runs_[run].buckets) return true;
  const Bucket* end = to.buckets + to.homes + padding;
  bool fits = true;
  for_each(run, [&](uint64_t h, uint32_t slot) {
    fits = fits && insert_key(to.home(h << run_bits_), end, h, slot);
  });
  return fits;
}

/// Moves a run to `homes` homes; doubles the padding until the keys fit.
void DramTableIndex::rebuild(size_t run, uint64_t homes, uint64_t padding) {
  Run larger{.buckets = nullptr, .homes = homes};
  for (;; padding *= 2) {
    const size_t bytes = (homes + padding) * sizeof(Bucket);
    larger.buckets = reinterpret_cast<Bucket*>(memory_->allocate(bytes));
    if (copy_keys(run, larger, padding)) break;
    memory_->release(reinterpret_cast<std::byte*>(larger.buckets), bytes);
  }
  release(run);
  runs_[run] = larger;
  states_[run].padding = padding;
  states_[run].limit = limit_for(homes);
}

void DramTableIndex::make_room(size_t run, int64_t more) {
  const RunState& state = states_[run];
  if (state.size + more <= state.limit) return;
  const uint64_t homes = runs_[run].homes;
  const bool tiny = runs_.size() == 1 && homes < kTinyHomes;
  const double step = std::ceil(static_cast<double>(homes) * (tiny ? kTinyGrowth : kGrowth));
  const uint64_t needed = homes_for(static_cast<double>(state.size + more + 1), kMaxLoad);
  const uint64_t larger = std::max(static_cast<uint64_t>(step), needed);
  rebuild(run, larger, std::max(padding_for(larger), state.padding));
}

/// For a run whose keys crowd at its end: more homes where it is fairly full, else more padding.
void DramTableIndex::grow(size_t run) {
  const RunState& state = states_[run];
  if (2 * state.size < state.limit) return rebuild(run, runs_[run].homes, 2 * state.padding);
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
  const uint64_t homes = homes_for(keys + 1, kMaxLoad);
  if (runs_[run].homes >= homes) return;
  rebuild(run, homes, std::max(padding_for(homes), states_[run].padding));
}

int64_t DramTableIndex::size() const {
  int64_t sum = 0;
  for (const RunState& state : states_) sum += state.size;
  return sum;
}

int64_t DramTableIndex::described_bytes() const {
  auto bytes = static_cast<int64_t>(runs_.size() * (sizeof(Run) + sizeof(RunState)));
  for (const RunState& state : states_) {
    bytes += static_cast<int64_t>(state.free.capacity() * sizeof(uint32_t));
  }
  return bytes;
}

}  // namespace strata::storage
