#include "storage/dram_table.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <new>
#include <utility>

#include "base/check.h"
#include "base/error.h"
#include "storage/dram_table_index.h"
#include "storage/dram_table_memory.h"
#include "storage/dram_table_run.h"
#include "storage/row_arena.h"

namespace strata::storage {
namespace {

constexpr size_t kAhead = 24;      // insertions in flight
constexpr int kLeastRowBytes = 4;  // a free row holds the number of the next one
constexpr int64_t kMaxChunkRows = 256;
constexpr int64_t kMaxChunkBytes = int64_t{256} << 10;

/// Keys per place of the index. The emptier, the fewer walks go beyond one cache line; what that
/// costs in memory is little beside wide rows (the bounds are in README.md).
double max_load_for(int row_bytes) {
  if (row_bytes >= 96) return 0.60;
  if (row_bytes >= 64) return 0.64;
  return row_bytes >= 16 ? 0.72 : 0.86;
}

/// Appends the positions of the slots that are none.
void list_absent(std::span<const int64_t> slots, std::vector<int64_t>& absent) {
  for (size_t i = 0; i < slots.size(); ++i) {
    if (slots[i] == kNoSlot) absent.push_back(static_cast<int64_t>(i));
  }
}

/// Sorts keys that are nearly in order: insertion, unless that turns out to be slow.
void sort_nearly_sorted(std::vector<KeySlot>& keys) {
  const auto less = [](const KeySlot& a, const KeySlot& b) { return a.h < b.h; };
  size_t moves_left = 32 * keys.size();
  for (size_t i = 1; i < keys.size(); ++i) {
    const KeySlot key = keys[i];
    size_t at = i;
    for (; at > 0 && key.h < keys[at - 1].h && moves_left > 0; --at, --moves_left) {
      keys[at] = keys[at - 1];
    }
    keys[at] = key;
    if (moves_left == 0) return std::sort(keys.begin(), keys.end(), less);
  }
}

/// Runs `body`; an allocation failure inside becomes a world error.
template <class Body>
auto with_memory_errors(Body&& body) {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    throw Error(ErrorCode::kResource, "out of memory for the index of a table");
  }
}

}  // namespace

struct DramTable::Impl {
  explicit Impl(const DramTableConfig& config)
      : row_bytes(config.row_bytes),
        shard_bits(config.shard_bits),
        one_free_list(config.one_free_list),
        arena(config.row_bytes),
        index(memory, {.max_load = max_load_for(config.row_bytes)}, {0}) {}

  bool shared() const { return index.run_bits() < shard_bits; }
  size_t shard_of(uint64_t h) const { return (h >> 1) >> (63 - shard_bits); }
  void make_room(std::span<const uint64_t> hashes, std::span<const int64_t> absent);
  int64_t insert(uint64_t h);
  /// Where the slots of a key come from and go to.
  RunState& slots_for(uint64_t h) { return index.state(one_free_list ? 0 : index.run_of(h)); }
  int64_t take_slot(RunState& run);
  void give_back(RunState& run, int64_t slot);
  void split(int64_t expected);

  const int row_bytes;
  const int shard_bits;
  const bool one_free_list;
  std::atomic<int64_t> size{0};
  RowArena arena;
  DramTableMemory memory;
  DramTableIndex index;
};

int64_t DramTable::Impl::take_slot(RunState& run) {
  if (run.first_free != RunState::kNone) {
    const uint32_t slot = run.first_free;
    std::byte* row = arena.rows().row(slot);
    std::memcpy(&run.first_free, row, sizeof run.first_free);
    std::memset(row, 0, row_bytes);
    return slot;
  }
  if (run.chunk_begin == run.chunk_end) {
    const int64_t most =
        one_free_list ? 1 : std::clamp<int64_t>(kMaxChunkBytes / row_bytes, 1, kMaxChunkRows);
    const SlotRange chunk = arena.take(std::clamp<int64_t>(run.size / 32, 1, most));
    run.chunk_begin = static_cast<uint32_t>(chunk.begin);
    run.chunk_end = static_cast<uint32_t>(chunk.end);
  }
  return run.chunk_begin++;
}

void DramTable::Impl::give_back(RunState& run, int64_t slot) {
  std::memcpy(arena.rows().row(slot), &run.first_free, sizeof run.first_free);
  run.first_free = static_cast<uint32_t>(slot);
}

/// Sizes the runs for the absent keys before any of them goes in. Ascending keys would otherwise
/// crowd at the front of a run that is still too short for all of them.
void DramTable::Impl::make_room(std::span<const uint64_t> hashes, std::span<const int64_t> absent) {
  if (absent.empty()) return;
  const int64_t expected =
      size.load(std::memory_order_relaxed) + static_cast<int64_t>(absent.size());
  if (shared() && expected >= kOneRunRows) split(expected);
  index.expect(expected);
  for (size_t begin = 0; begin < absent.size();) {
    const size_t run = index.run_of(hashes[absent[begin]]);
    size_t end = begin + 1;
    while (end < absent.size() && index.run_of(hashes[absent[end]]) == run) ++end;
    index.make_room(run, static_cast<int64_t>(end - begin));
    begin = end;
  }
}

/// Inserts an absent key; returns its slot.
int64_t DramTable::Impl::insert(uint64_t h) {
  RunState& run = slots_for(h);
  const int64_t slot = take_slot(run);
  try {
    index.insert(h, static_cast<uint32_t>(slot));
  } catch (...) {
    give_back(run, slot);
    throw;
  }
  return slot;
}

/// One run becomes one per shard. Their loads are staggered, so that they later grow in turn, the
/// first shard first, and what a run leaves behind goes back to the system page after page.
void DramTable::Impl::split(int64_t expected) {
  std::vector<int64_t> sizes(size_t{1} << shard_bits);
  index.for_each(0, [&](uint64_t h, uint32_t) { ++sizes[shard_of(h)]; });
  const int64_t mean = expected >> shard_bits;
  const int64_t more = (expected - index.state(0).size) >> shard_bits;
  for (int64_t& size : sizes) {
    size += more;
    const bool usual = 5 * size >= 4 * mean && 4 * size <= 5 * mean;
    if (usual) size = mean;  // chance alone: it will follow the average (DramTableIndex::expect)
  }
  DramTableIndex runs(memory, {shard_bits, index.max_load()}, sizes);
  index.for_each(0, [&](uint64_t h, uint32_t slot) { runs.insert(h, slot); });
  runs.state(0).first_free = index.state(0).first_free;
  runs.state(0).chunk_begin = index.state(0).chunk_begin;
  runs.state(0).chunk_end = index.state(0).chunk_end;
  index.swap(runs);
}

DramTable::DramTable(const DramTableConfig& config)
    : impl_(with_memory_errors([&] {
        STRATA_CHECK(config.row_bytes >= kLeastRowBytes, "row bytes", config.row_bytes);
        STRATA_CHECK(config.shard_bits >= 0 && config.shard_bits <= 16, "shard bits",
                     config.shard_bits);
        return std::make_unique<Impl>(config);
      })) {}
DramTable::~DramTable() = default;
DramTable::DramTable(DramTable&&) noexcept = default;
DramTable& DramTable::operator=(DramTable&&) noexcept = default;

void DramTable::find(std::span<const uint64_t> hashes, std::span<int64_t> slots) const {
  kernels::find_slots(impl_->index.view(), hashes, kNoSlot, slots);
}

void DramTable::find_or_insert(std::span<const uint64_t> hashes, std::span<int64_t> slots,
                               std::vector<int64_t>& created) {
  find(hashes, slots);
  const size_t first = created.size();
  size_t made = first;
  try {
    with_memory_errors([&] {
      list_absent(slots, created);
      impl_->make_room(hashes, std::span(created).subspan(first));
      for (; made < created.size(); ++made) {
        const size_t ahead = std::min(made + kAhead, created.size() - 1);
        __builtin_prefetch(impl_->index.home_of(hashes[created[ahead]]), 1);
        slots[created[made]] = impl_->insert(hashes[created[made]]);
      }
    });
  } catch (const Error&) {
    created.resize(made);
    impl_->size.fetch_add(static_cast<int64_t>(made - first), std::memory_order_relaxed);
    throw;
  }
  impl_->size.fetch_add(static_cast<int64_t>(made - first), std::memory_order_relaxed);
}

int64_t DramTable::erase(std::span<const uint64_t> hashes) {
  DramTableIndex& index = impl_->index;
  int64_t erased = 0;
  for (const uint64_t h : hashes) {
    const Place place = find_key(index.home_of(h), h);
    if (!place.bucket) continue;
    impl_->give_back(impl_->slots_for(h), place.bucket->slots[place.index]);
    index.erase(h, place);
    ++erased;
  }
  impl_->size.fetch_sub(erased, std::memory_order_relaxed);
  return erased;
}

void DramTable::reserve(int64_t more) {
  STRATA_CHECK(more >= 0, "more", more);
  with_memory_errors([&] {
    const int64_t wished = size() + more;
    if (impl_->shared() && wished >= kOneRunRows) return impl_->split(wished);
    DramTableIndex& index = impl_->index;
    const auto runs = static_cast<double>(index.runs());
    const double mean = static_cast<double>(wished) / runs;
    const double keys = runs > 1 ? mean + 4 * std::sqrt(mean) : mean;  // four standard deviations
    for (size_t r = 0; r < index.runs(); ++r) index.reserve(r, keys);
  });
}

std::vector<KeySlot> DramTable::keys_of(int shard) const {
  STRATA_CHECK(shard >= 0 && shard < shards(), "shard", shard);
  return with_memory_errors([&] {
    const DramTableIndex& index = impl_->index;
    std::vector<KeySlot> keys;
    const auto add = [&](uint64_t h, uint32_t slot) { keys.push_back({h, slot}); };
    if (impl_->shared()) {
      const uint64_t first = static_cast<uint64_t>(shard) << (64 - impl_->shard_bits);
      index.for_each_between(first, first + (~uint64_t{0} >> impl_->shard_bits), add);
    } else {
      keys.reserve(index.state(shard).size);
      index.for_each(shard, add);
    }
    sort_nearly_sorted(keys);
    return keys;
  });
}

void DramTable::next_run(size_t& run, std::vector<KeySlot>& keys) const {
  with_memory_errors([&] {
    const DramTableIndex& index = impl_->index;
    run = run + 1 < index.runs() ? run + 1 : 0;
    index.for_each(run, [&](uint64_t h, uint32_t slot) { keys.push_back({h, slot}); });
  });
}

kernels::RowsRef DramTable::rows() const { return impl_->arena.rows(); }
int DramTable::shards() const { return 1 << impl_->shard_bits; }
int DramTable::shard_of(uint64_t h) const { return static_cast<int>(impl_->shard_of(h)); }
int64_t DramTable::size() const { return impl_->size.load(std::memory_order_relaxed); }
int64_t DramTable::slots() const { return impl_->arena.taken(); }
int64_t DramTable::free_slots() const { return slots() - size(); }
bool DramTable::shared_run() const { return impl_->shared() || impl_->one_free_list; }

double DramTable::planned_index_bytes(int row_bytes) {
  constexpr double kMeanOfMax = 0.94;  // loads of the runs lie between max / 1.15 and max
  const double load = kMeanOfMax * max_load_for(row_bytes);
  return static_cast<double>(sizeof(kernels::Bucket)) / (kernels::Bucket::kKeys * load);
}

double DramTable::planned_bytes(const DramTableConfig& config, double rows) {
  constexpr double kPage = HugeBuffer::kSmallPageBytes;
  constexpr double kBucket = sizeof(kernels::Bucket);
  constexpr double kDescribed = sizeof(kernels::BucketRun) + sizeof(RunState);
  if (rows <= 0) return 0;
  const double ahead = config.one_free_list ? 1 : 1 + kRowsAhead;
  const double in_rows = std::ceil(ahead * rows * config.row_bytes / kPage) * kPage;
  const double index = rows * planned_index_bytes(config.row_bytes);
  if (rows >= static_cast<double>(kOneRunRows)) {
    constexpr double kPadding = 1.5;  // buckets of a short run, on average
    return in_rows + index + std::ldexp(kDescribed + kPadding * kBucket, config.shard_bits);
  }
  const double buckets = index + kBucket * (1 + std::min(index / kBucket / 32, 7.0));
  return in_rows + kDescribed + buckets + (buckets >= kPage ? kPage / 2 : 0);
}

DramTableUsage DramTable::usage() const {
  return {.rows = size(),
          .index_bytes = impl_->memory.bytes() + impl_->index.described_bytes(),
          .row_bytes = impl_->arena.touched_bytes()};
}

}  // namespace strata::storage
