#include "storage/tiered_table.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <mutex>
#include <shared_mutex>
#include <utility>

#include "base/check.h"
#include "base/error.h"
#include "storage/slot_states.h"

namespace strata::storage {
namespace {

constexpr int64_t kKeysPerCall = 4096;  // read from or written to the store: bounds the buffers
constexpr int64_t kLookedAt = 4;        // rows looked at for each that is evicted
constexpr int64_t kAheadShare = 4;      // a batch fetched ahead has one part of as many at most
// Of the index: what a key costs at most while runs grow, each by a seventh.
constexpr int64_t kMostIndexBytes = 32;

/// Splits [0, count) into pieces of at most kKeysPerCall.
template <class Body>
void in_pieces(int64_t count, Body&& body) {
  for (int64_t begin = 0; begin < count; begin += kKeysPerCall) {
    body(begin, std::min(count, begin + kKeysPerCall));
  }
}

/// A positive float as 30 bits that order as it does.
uint32_t packed(float score) { return std::bit_cast<uint32_t>(score) >> 2; }
float unpacked(uint32_t bits) { return std::bit_cast<float>(bits << 2); }

/// The rows of some shards in DRAM, one after another, ascending in h.
class DramCursor {
 public:
  DramCursor(const DramTable& table, ShardRange shards)
      : table_(table), shard_(shards.first), end_(shards.first + shards.count) {
    seek();
  }
  bool valid() const { return at_ < keys_.size(); }
  uint64_t h() const { return keys_[at_].h; }
  /// Visits the row and goes on to the next.
  void show(const RowVisitor& visit) {
    const kernels::RowsRef rows = table_.rows();
    visit(h(), {rows.row(keys_[at_].slot), static_cast<size_t>(rows.row_bytes)});
    ++at_;
    seek();
  }

 private:
  void seek() {
    while (!valid() && shard_ < end_) {
      keys_ = table_.keys_of(shard_++);
      at_ = 0;
    }
  }

  const DramTable& table_;
  int shard_;  // the next one
  int end_;
  std::vector<KeySlot> keys_;
  size_t at_ = 0;
};

}  // namespace

struct TieredTable::Impl {
  Impl(const TieredTableConfig& table_config, RowStore* row_store)
      : config(table_config),
        store(row_store),
        dram({.row_bytes = config.row_bytes,
              .shard_bits = config.shard_bits,
              .one_free_list = store != nullptr}) {
    STRATA_CHECK(!store || store->row_bytes() == config.row_bytes, "the store is of another table",
                 config.row_bytes);
  }

  float aged_score(const SlotState& state, uint32_t ticket) const;
  void touch(SlotState& state, uint32_t ticket) const;
  int64_t lacking(const BatchHold& batch, int64_t rows) const;
  void make_room(const BatchHold& batch, int64_t rows);
  void evict(std::vector<KeySlot> leaving);
  std::vector<KeySlot> victims(const BatchHold& batch, int64_t rows);
  void write_back(std::span<const KeySlot> rows);
  void forget(std::span<const uint64_t> hashes, std::span<const int64_t> slots);
  void note_changed(std::span<const uint64_t> hashes);
  bool read_ahead(const BatchHold& batch, std::span<const uint64_t> hashes);
  bool take_ahead(const BatchHold& batch, std::span<const uint64_t> hashes,
                  std::span<const std::byte> rows);
  void insert(const BatchHold& batch, std::span<const uint64_t> absent, std::span<int64_t> slots);
  void fetch(std::span<const uint64_t> absent, std::span<const int64_t> slots,
             std::vector<uint8_t>& found);
  /// Locked where another thread may change the table.
  std::shared_lock<std::shared_mutex> reading() const {
    return store ? std::shared_lock(mutex) : std::shared_lock<std::shared_mutex>();
  }
  std::unique_lock<std::shared_mutex> writing() const {
    return store ? std::unique_lock(mutex) : std::unique_lock<std::shared_mutex>();
  }
  int64_t row_cost() const {
    return config.row_bytes + kMostIndexBytes + static_cast<int64_t>(sizeof(SlotState));
  }

  TieredTableConfig config;
  RowStore* store;
  DramTable dram;
  SlotStates states;
  int64_t below = 0;  // keys of the store
  int64_t both = 0;   // of these, in DRAM too
  size_t hand = 0;    // run that eviction looked at last
  TierCounts counts;
  bool reading_ahead = false;       // rows are read from the store without the lock,
  std::vector<uint64_t> changed;    // and these keys changed in the store or left DRAM meanwhile
  mutable std::mutex ahead;         // held by the thread that fetches ahead
  mutable std::shared_mutex mutex;  // of all above, where there is a store
};

/// What is left of a row's score at the batch `ticket`.
float TieredTable::Impl::aged_score(const SlotState& state, uint32_t ticket) const {
  const auto age = static_cast<float>(ticket - std::min(ticket, state.last_use));
  return unpacked(state.score) * std::exp2(-age / static_cast<float>(config.half_life));
}

void TieredTable::Impl::touch(SlotState& state, uint32_t ticket) const {
  switch (config.eviction) {
    case Eviction::kLru:
      break;
    case Eviction::kLfu:
      state.score = state.score + 1;
      break;
    case Eviction::kScore:
      state.score = packed(aged_score(state, ticket) + 1);
      break;
  }
  state.last_use = std::max(state.last_use, ticket);  // it may be fetched for a later batch already
}

/// How many of `rows` rows the batch's room and the free slots cannot take.
int64_t TieredTable::Impl::lacking(const BatchHold& batch, int64_t rows) const {
  const int64_t room = std::max<int64_t>(0, batch.room_bytes) / row_cost() + dram.free_slots();
  return std::max<int64_t>(0, rows - room);
}

/// Evicts what `rows` new rows need.
void TieredTable::Impl::make_room(const BatchHold& batch, int64_t rows) {
  const int64_t more = lacking(batch, rows);
  if (more == 0) return;
  std::vector<KeySlot> leaving = victims(batch, more);
  if (std::ssize(leaving) < more) {
    throw Error(
        ErrorCode::kResource,
        "the batches in flight hold {} rows in DRAM and need {} more, for which tiers.dram has no "
        "room: raise it, lower train.batch_size, or, where other tables share the budget, give "
        "this "
        "one tiers of its own",
        dram.size() - std::ssize(leaving), more - std::ssize(leaving));
  }
  evict(std::move(leaving));
}

/// Writes rows to the store and lets them go.
void TieredTable::Impl::evict(std::vector<KeySlot> leaving) {
  std::ranges::sort(leaving, {}, &KeySlot::h);
  in_pieces(std::ssize(leaving), [&](int64_t begin, int64_t end) {
    const auto piece = std::span(leaving).subspan(begin, end - begin);
    write_back(piece);
    std::vector<uint64_t> hashes;
    std::vector<int64_t> slots;
    for (const KeySlot& row : piece) {
      hashes.push_back(row.h);
      slots.push_back(row.slot);
    }
    forget(hashes, slots);
    counts.evicted += std::ssize(piece);
  });
}

/// The rows to evict, fewer than `rows` only when no others may leave.
std::vector<KeySlot> TieredTable::Impl::victims(const BatchHold& batch, int64_t rows) {
  std::vector<KeySlot> candidates;
  std::vector<KeySlot> run;
  int64_t seen = 0;
  const auto value = [&](const KeySlot& row) -> uint64_t {
    const SlotState& state = states[row.slot];
    if (config.eviction == Eviction::kLru) return state.last_use;
    const uint32_t score =
        config.eviction == Eviction::kScore ? packed(aged_score(state, batch.ticket)) : state.score;
    return (uint64_t{score} << 32) | state.last_use;
  };
  while (seen < dram.size() && std::ssize(candidates) < kLookedAt * rows) {
    run.clear();
    dram.next_run(hand, run);
    seen += std::ssize(run);
    for (const KeySlot& row : run) {
      if (states[row.slot].last_use < batch.oldest) candidates.push_back(row);
    }
  }
  if (std::ssize(candidates) > rows) {
    const auto middle = candidates.begin() + rows;
    std::nth_element(candidates.begin(), middle, candidates.end(),
                     [&](const KeySlot& a, const KeySlot& b) { return value(a) < value(b); });
    candidates.erase(middle, candidates.end());
  }
  return candidates;
}

/// Rows, ascending in h, to the store, unless it has them as they are.
void TieredTable::Impl::write_back(std::span<const KeySlot> rows) {
  std::vector<uint64_t> hashes;
  std::vector<std::byte> bytes;
  const kernels::RowsRef from = dram.rows();
  const auto width = static_cast<size_t>(config.row_bytes);
  for (const KeySlot& row : rows) {
    if (states[row.slot].changed == 0) continue;
    hashes.push_back(row.h);
    bytes.insert(bytes.end(), from.row(row.slot), from.row(row.slot) + width);
  }
  if (hashes.empty()) return;
  store->write(hashes, bytes);
  counts.written += std::ssize(hashes);
  for (const KeySlot& row : rows) {
    SlotState& state = states[row.slot];
    if (state.changed != 0 && state.below == 0) {
      ++below;
      ++both;
      state.below = 1;
    }
    state.changed = 0;
  }
}

/// Rows leave DRAM.
void TieredTable::Impl::forget(std::span<const uint64_t> hashes, std::span<const int64_t> slots) {
  for (const int64_t slot : slots) {
    states.cover(slot);
    both -= states[slot].below;
    states[slot] = {};
  }
  dram.erase(hashes);
  note_changed(hashes);
}

/// What a reader without a lock has of these keys is old.
void TieredTable::Impl::note_changed(std::span<const uint64_t> hashes) {
  if (reading_ahead) changed.insert(changed.end(), hashes.begin(), hashes.end());
}

void TieredTable::Impl::insert(const BatchHold& batch, std::span<const uint64_t> absent,
                               std::span<int64_t> slots) {
  std::vector<int64_t> created;
  dram.find_or_insert(absent, slots, created);
  STRATA_CHECK(created.size() == absent.size(), "keys are distinct", created.size());
  for (const int64_t slot : slots) {
    states.cover(slot);
    states[slot] = {};
    touch(states[slot], batch.ticket);
  }
}

/// Rows of fresh slots from the store; found[i] says whether it had the key.
void TieredTable::Impl::fetch(std::span<const uint64_t> absent, std::span<const int64_t> slots,
                              std::vector<uint8_t>& found) {
  const auto width = static_cast<size_t>(config.row_bytes);
  const kernels::RowsRef to = dram.rows();
  std::vector<std::byte> rows(std::min<size_t>(kKeysPerCall, absent.size()) * width);
  in_pieces(std::ssize(absent), [&](int64_t begin, int64_t end) {
    const auto count = static_cast<size_t>(end - begin);
    store->read(absent.subspan(begin, count), std::span(rows).first(count * width),
                std::span(found).subspan(begin, count));
    for (int64_t i = begin; i < end; ++i) {
      if (found[i] == 0) continue;
      std::memcpy(to.row(slots[i]), rows.data() + (i - begin) * width, width);
      states[slots[i]].below = 1;
      ++both;
    }
  });
}

TieredTable::TieredTable(const TieredTableConfig& config, RowStore* store)
    : impl_(std::make_unique<Impl>(config, store)) {}
TieredTable::~TieredTable() = default;
TieredTable::TieredTable(TieredTable&&) noexcept = default;
TieredTable& TieredTable::operator=(TieredTable&&) noexcept = default;

bool TieredTable::tiered() const { return impl_->store != nullptr; }
DramTable& TieredTable::dram() { return impl_->dram; }
const DramTable& TieredTable::dram() const { return impl_->dram; }

void TieredTable::hold(const BatchHold& batch, std::span<const uint64_t> hashes,
                       std::span<int64_t> slots, std::vector<int64_t>& created) {
  Impl& impl = *impl_;
  STRATA_CHECK(tiered() && batch.ticket >= batch.oldest, "hold", batch.ticket, batch.oldest);
  const std::unique_lock lock(impl.mutex);
  impl.dram.find(hashes, slots);
  std::vector<int64_t> places;
  std::vector<uint64_t> absent;
  for (size_t i = 0; i < slots.size(); ++i) {
    if (slots[i] != kNoSlot) {
      impl.touch(impl.states[slots[i]], batch.ticket);
      continue;
    }
    places.push_back(static_cast<int64_t>(i));
    absent.push_back(hashes[i]);
  }
  impl.counts.hits += std::ssize(hashes) - std::ssize(absent);
  impl.counts.misses += std::ssize(absent);
  impl.make_room(batch, std::ssize(absent));
  std::vector<int64_t> fresh(absent.size());
  std::vector<uint8_t> found(absent.size());
  try {
    impl.insert(batch, absent, fresh);
    impl.fetch(absent, fresh, found);
  } catch (...) {
    impl.dram.find(absent, fresh);
    std::erase_if(fresh, [](int64_t slot) { return slot == kNoSlot; });
    impl.forget(absent, fresh);
    throw;
  }
  for (size_t i = 0; i < absent.size(); ++i) {
    slots[places[i]] = fresh[i];
    if (found[i] == 0) created.push_back(places[i]);
    impl.counts.fetched += found[i];
    impl.states[fresh[i]].changed = found[i] == 0;
  }
  if (!impl.config.changes) return;
  for (const int64_t slot : slots) impl.states[slot].changed = 1;
}

/// Reads what DRAM lacks of `hashes` and takes it in; false when there is no room for more.
bool TieredTable::Impl::read_ahead(const BatchHold& batch, std::span<const uint64_t> hashes) {
  std::vector<int64_t> slots(hashes.size());
  std::vector<uint64_t> absent;
  {
    const std::unique_lock lock(mutex);
    dram.find(hashes, slots);
    for (size_t i = 0; i < hashes.size(); ++i) {
      if (slots[i] == kNoSlot) {
        absent.push_back(hashes[i]);
      } else {
        touch(states[slots[i]], batch.ticket);
      }
    }
    changed.clear();
    reading_ahead = true;
  }
  const auto width = static_cast<size_t>(config.row_bytes);
  std::vector<std::byte> rows(absent.size() * width);
  std::vector<uint8_t> found(absent.size());
  try {
    store->read(absent, rows, found);
  } catch (...) {
    const std::unique_lock lock(mutex);
    reading_ahead = false;
    throw;
  }
  const std::unique_lock lock(mutex);
  reading_ahead = false;
  std::ranges::sort(changed);
  dram.find(absent, std::span(slots).first(absent.size()));
  size_t kept = 0;
  for (size_t i = 0; i < absent.size(); ++i) {
    if (found[i] == 0 || slots[i] != kNoSlot) continue;
    if (std::ranges::binary_search(changed, absent[i])) continue;
    absent[kept] = absent[i];
    std::memmove(rows.data() + kept * width, rows.data() + i * width, width);
    ++kept;
  }
  return take_ahead(batch, std::span(absent).first(kept), std::span(rows).first(kept * width));
}

/// Puts rows of the store into DRAM; false when there is no room for them.
bool TieredTable::Impl::take_ahead(const BatchHold& batch, std::span<const uint64_t> hashes,
                                   std::span<const std::byte> rows) {
  const int64_t more = lacking(batch, std::ssize(hashes));
  if (more > 0) {
    std::vector<KeySlot> leaving = victims(batch, more);
    if (std::ssize(leaving) < more) return false;
    evict(std::move(leaving));
  }
  std::vector<int64_t> slots(hashes.size());
  insert(batch, hashes, slots);
  const kernels::RowsRef to = dram.rows();
  const auto width = static_cast<size_t>(config.row_bytes);
  for (size_t i = 0; i < slots.size(); ++i) {
    std::memcpy(to.row(slots[i]), rows.data() + i * width, width);
    states[slots[i]].below = 1;
  }
  both += std::ssize(slots);
  counts.ahead += std::ssize(slots);
  return true;
}

void TieredTable::fetch_ahead(const BatchHold& batch, std::span<const uint64_t> hashes) {
  Impl& impl = *impl_;
  STRATA_CHECK(tiered(), "fetch_ahead needs a store");
  const std::lock_guard one(impl.ahead);
  if (kAheadShare * std::ssize(hashes) > impl.dram.size()) return;
  for (size_t begin = 0; begin < hashes.size(); begin += kKeysPerCall) {
    const size_t count = std::min<size_t>(kKeysPerCall, hashes.size() - begin);
    if (!impl.read_ahead(batch, hashes.subspan(begin, count))) return;
  }
}

std::unique_lock<std::mutex> TieredTable::pause_fetching() const {
  return std::unique_lock(impl_->ahead);
}

void TieredTable::find(std::span<const uint64_t> hashes, std::span<int64_t> slots) const {
  const auto lock = impl_->reading();
  impl_->dram.find(hashes, slots);
}

void TieredTable::read(std::span<const uint64_t> hashes, std::span<std::byte> rows,
                       std::span<uint8_t> found) const {
  if (tiered()) return impl_->store->read(hashes, rows, found);
  std::ranges::fill(found, uint8_t{0});
}

void TieredTable::scan(ShardRange shards, const RowVisitor& visit) const {
  const Impl& impl = *impl_;
  const auto lock = impl.reading();
  const int end = shards.first + shards.count;
  STRATA_CHECK(shards.first >= 0 && shards.count >= 0 && end <= impl.dram.shards(), "shards",
               shards.first, shards.count);
  if (shards.count == 0) return;
  DramCursor next(impl.dram, shards);
  if (impl.store) {
    const int shift = 64 - impl.config.shard_bits;
    const auto first_of = [&](int shard) {
      return shift == 64 ? 0 : static_cast<uint64_t>(shard) << shift;
    };
    const uint64_t last = end == impl.dram.shards() ? ~uint64_t{0} : first_of(end) - 1;
    impl.store->scan({first_of(shards.first), last},
                     [&](uint64_t h, std::span<const std::byte> row) {
                       while (next.valid() && next.h() < h) next.show(visit);
                       if (next.valid() && next.h() == h) return next.show(visit);
                       visit(h, row);
                     });
  }
  while (next.valid()) next.show(visit);
}

void TieredTable::put(std::span<const uint64_t> hashes, std::span<const std::byte> rows) {
  Impl& impl = *impl_;
  const auto width = static_cast<size_t>(impl.config.row_bytes);
  STRATA_CHECK(rows.size() == hashes.size() * width, "rows", rows.size(), hashes.size(), width);
  const auto lock = impl.writing();
  std::vector<int64_t> slots(hashes.size());
  std::vector<int64_t> created;
  if (!impl.store) {
    impl.dram.find_or_insert(hashes, slots, created);
  } else {
    std::vector<std::byte> old(rows.size());
    std::vector<uint8_t> found(hashes.size());
    if (impl.below > 0) impl.store->read(hashes, old, found);
    impl.store->write(hashes, rows);
    impl.note_changed(hashes);
    impl.below += std::ranges::count(found, uint8_t{0});
    impl.dram.find(hashes, slots);
  }
  const kernels::RowsRef to = impl.dram.rows();
  for (size_t i = 0; i < slots.size(); ++i) {
    if (slots[i] == kNoSlot) continue;
    std::memcpy(to.row(slots[i]), rows.data() + i * width, width);
    if (!impl.store) continue;
    SlotState& state = impl.states[slots[i]];
    impl.both += 1 - state.below;
    state.below = 1;
    state.changed = 0;
  }
}

int64_t TieredTable::erase(std::span<const uint64_t> hashes) {
  Impl& impl = *impl_;
  if (!impl.store) return impl.dram.erase(hashes);
  const auto lock = impl.writing();
  std::vector<std::byte> rows(hashes.size() * static_cast<size_t>(impl.config.row_bytes));
  std::vector<uint8_t> found(hashes.size());
  impl.store->read(hashes, rows, found);
  impl.store->erase(hashes);
  impl.note_changed(hashes);
  impl.below -= std::ranges::count(found, uint8_t{1});
  std::vector<int64_t> slots(hashes.size());
  impl.dram.find(hashes, slots);
  int64_t erased = 0;
  for (size_t i = 0; i < slots.size(); ++i) erased += found[i] != 0 || slots[i] != kNoSlot;
  std::erase_if(slots, [](int64_t slot) { return slot == kNoSlot; });
  impl.forget(hashes, slots);
  return erased;
}

void TieredTable::clear() {
  if (tiered()) impl_->store->clear();
  *this = TieredTable(impl_->config, impl_->store);
}

int64_t TieredTable::size() const {
  const auto lock = impl_->reading();
  return impl_->dram.size() + impl_->below - impl_->both;
}

DramTableUsage TieredTable::dram_usage() const {
  const auto lock = impl_->reading();
  DramTableUsage usage = impl_->dram.usage();
  usage.index_bytes += impl_->states.bytes();
  return usage;
}

TierCounts TieredTable::counts() const {
  const auto lock = impl_->reading();
  return impl_->counts;
}

}  // namespace strata::storage
