// Step 5: unique keys -> slots and weights, through all tiers.
#include <algorithm>

#include "base/check.h"
#include "embedding/collection_impl.h"
#include "kernels/apply_rows.h"
#include "kernels/init.h"
#include "kernels/pool_rows.h"

namespace strata::embedding {
namespace {

constexpr int64_t kBelow = -2;           // slot of a row that is not in DRAM
constexpr int64_t kKeysPerRange = 2048;  // enough work to be worth handing to a thread

/// Parts of the unique keys of every table, cut at shard borders; one part where `whole` says so.
template <class Whole>
std::vector<KeyRange> key_ranges(const std::vector<TableState>& tables, const KeyedBatch& keys,
                                 int threads, Whole whole) {
  std::vector<KeyRange> ranges;
  for (int t = 0; t < static_cast<int>(tables.size()); ++t) {
    const auto hashes = keys.hashes(t);
    const auto count = static_cast<int64_t>(hashes.size());
    if (count == 0) continue;
    const int64_t most = threads == 1 || whole(tables[t]) ? 1 : 4 * threads;
    const int64_t parts = std::clamp<int64_t>(count / kKeysPerRange, 1, most);
    int64_t begin = 0;
    for (int64_t part = 1; part <= parts && begin < count; ++part) {
      int64_t end = std::max(begin, count * part / parts);
      const auto shard = [&](int64_t u) { return tables[t].rows.dram().shard_of(hashes[u]); };
      while (end > begin && end < count && shard(end) == shard(end - 1)) ++end;
      if (end == begin) continue;
      ranges.push_back({t, begin, end});
      begin = end;
    }
  }
  return ranges;
}

/// Runs `body` on the tiers of a table; what they refuse is a TierError that names the table.
template <class Body>
void in_tiers(const TableState& table, Body&& body) {
  try {
    body();
  } catch (const Error& e) {
    throw TierError(e.in("table " + table.config.name));
  }
}

}  // namespace

/// Slots and weights of rows as they are; an absent key reads the default row.
void Collection::Impl::read_rows(const KeyRange& range, KeyedBatch& keys) const {
  const TableState& state = tables[range.table];
  TableKeys& table = keys.tables_[range.table];
  const auto count = static_cast<size_t>(range.end - range.begin);
  const auto slots = table.slots.span().subspan(range.begin, count);
  storage::RowsBelow below;
  state.rows.find(table.keys.unique.span().subspan(range.begin, count), slots, below);
  read_weights(range, keys);
  const auto width = static_cast<size_t>(state.layout.row_bytes());
  for (size_t i = 0; i < below.places.size(); ++i) {
    const int64_t place = below.places[i];
    slots[place] = kBelow;
    state.read_weights(std::span(below.rows).subspan(i * width, width),
                       {table.weights.data() + (range.begin + place) * state.config.dim,
                        static_cast<size_t>(state.config.dim)});
  }
}

/// Writes the rows at the positions `created` of slots as they begin.
void Collection::Impl::init_rows(const TableState& state, std::span<const uint64_t> hashes,
                                 std::span<const int64_t> slots, std::span<const int64_t> created,
                                 uint32_t step) const {
  std::vector<int64_t> made_slots(created.size());
  std::vector<uint64_t> made_hashes(created.size());
  for (size_t c = 0; c < created.size(); ++c) {
    made_slots[c] = slots[created[c]];
    made_hashes[c] = hashes[created[c]];
  }
  kernels::init_rows(state.config.init, state.state_optimizer(),
                     {.rows = state.rows.dram().rows(),
                      .layout = state.layout,
                      .slots = made_slots,
                      .keys = made_hashes.data(),
                      .seed = seed,
                      .table_salt = state.salt,
                      .stamp = state.replays() ? 0 : step});
}

/// Brings rows that replay up to the end of step - 1.
void Collection::Impl::catch_up(const TableState& state, std::span<const int64_t> slots,
                                uint32_t step) const {
  if (!state.replays()) return;
  STRATA_CHECK(state.rates.size() + 1 >= step, "rates of earlier steps", state.rates.size(), step);
  kernels::catch_up_rows(state.config.optimizer, {.rows = state.rows.dram().rows(),
                                                  .layout = state.layout,
                                                  .slots = slots,
                                                  .step = step - 1,
                                                  .rates = state.rates});
}

/// Brings the rows of tables with an SSD tier into DRAM, creating absent ones. Returns how many it
/// made.
int64_t Collection::Impl::hold_rows(uint32_t step, KeyedBatch& keys) {
  if (keys.ticket_ == 0) keys.ticket_ = ++ticket;
  int64_t made = 0;
  std::vector<int64_t> created;
  for (size_t t = 0; t < tables.size(); ++t) {
    TableState& state = tables[t];
    if (!state.rows.tiered()) continue;
    TableKeys& table = keys.tables_[t];
    const auto hashes = table.keys.unique.span();
    const auto slots = table.slots.span();
    created.clear();
    const storage::BatchHold batch{
        .ticket = keys.ticket_, .oldest = oldest_ticket, .room_bytes = room_of(state)};
    in_tiers(state, [&] { state.rows.hold(batch, hashes, slots, created); });
    in_table(state, [&] { init_rows(state, hashes, slots, created, step); });
    made += std::ssize(created);
  }
  return made;
}

void Collection::fetch_ahead(KeyedBatch& keys) {
  Impl& impl = *impl_;
  keys.ticket_ = ++impl.ticket;
  for (size_t t = 0; t < impl.tables.size(); ++t) {
    TableState& state = impl.tables[t];
    if (!state.rows.tiered()) continue;
    in_tiers(state, [&] {
      state.rows.fetch_ahead(
          {.ticket = keys.ticket_, .oldest = impl.oldest_ticket, .room_bytes = impl.room_of(state)},
          keys.tables_[t].keys.unique.span());
    });
  }
}

/// Bytes by which a table with an SSD tier may grow in DRAM.
int64_t Collection::Impl::room_of(const TableState& state) const {
  Tiers::Use use{.table = state.rows.dram_usage().bytes()};
  for (const TableState& other : tables) {
    if (other.rows.tiered() && other.config.tiers == state.config.tiers) {
      use.group += other.rows.dram_usage().bytes();
    }
  }
  return tiers.room(state.config, use);
}

/// Finds or creates, and brings rows that replay up to date. Returns how many it made.
int64_t Collection::Impl::make_rows(const KeyRange& range, uint32_t step, KeyedBatch& keys) {
  TableState& state = tables[range.table];
  TableKeys& table = keys.tables_[range.table];
  const auto count = static_cast<size_t>(range.end - range.begin);
  const auto hashes = table.keys.unique.span().subspan(range.begin, count);
  const auto slots = table.slots.span().subspan(range.begin, count);
  std::vector<int64_t> created;
  if (!state.rows.tiered()) {
    try {
      state.rows.dram().find_or_insert(hashes, slots, created);
    } catch (const Error&) {
      state.rows.keep({.hashes = {}, .slots = slots, .created = created});
      init_rows(state, hashes, slots, created, step);  // rows made until here are whole
      throw;
    }
    state.rows.keep({.hashes = hashes, .slots = slots, .created = created});
    if (!created.empty()) init_rows(state, hashes, slots, created, step);
  }
  catch_up(state, slots, step);
  return std::ssize(created);
}

/// Weights of the rows; in exact mode, where they are not up to date, as of the last step.
void Collection::Impl::read_weights(const KeyRange& range, KeyedBatch& keys) const {
  const TableState& state = tables[range.table];
  TableKeys& table = keys.tables_[range.table];
  const auto count = static_cast<size_t>(range.end - range.begin);
  const kernels::RowsRef rows = state.rows.dram().rows();
  const auto slots = table.slots.span().subspan(range.begin, count);
  float* const out = table.weights.data() + range.begin * state.config.dim;
  kernels::read_rows({.rows = rows,
                      .dtype = state.config.dtype,
                      .dim = state.config.dim,
                      .slots = slots,
                      .absent = state.default_row.data(),
                      .out = out});
  if (keys.trains_ || !state.replays() || state.rates.empty()) return;
  kernels::read_caught_up_rows(state.config.optimizer,
                               {.rows = rows,
                                .layout = state.layout,
                                .slots = slots,
                                .step = static_cast<uint32_t>(state.rates.size()),
                                .rates = state.rates},
                               out);
}

/// A look-up that holds no rows keeps other threads from moving them.
std::vector<std::unique_lock<std::mutex>> Collection::Impl::pause_fetching(LookUpMode mode) const {
  std::vector<std::unique_lock<std::mutex>> paused;
  if (mode == LookUpMode::kTrain) return paused;
  for (const TableState& state : tables) {
    if (state.rows.tiered()) paused.push_back(state.rows.pause_fetching());
  }
  return paused;
}

void Collection::Impl::size_outputs(KeyedBatch& keys) const {
  for (size_t t = 0; t < tables.size(); ++t) {
    TableKeys& table = keys.tables_[t];
    in_table(tables[t], [&] {
      const size_t unique = table.keys.unique.size();
      table.slots.resize(unique);
      table.weights.resize(unique * tables[t].config.dim);
    });
  }
}

void Collection::Impl::count_defaulted(const KeyedBatch& keys, LookUpCounts& counts) {
  for (const TableKeys& table : keys.tables_) {
    const auto slots = table.slots.span();
    const int64_t absent = std::ranges::count(slots, storage::kNoSlot);
    counts.defaulted += absent;
    if (absent == 0) continue;
    for (const int32_t u : table.keys.inverse.span()) {
      counts.defaulted_occurrences += slots[u] == storage::kNoSlot;
    }
  }
}

/// Of rows in DRAM alone; those over an SSD see to it when they are held. All claims come before
/// the first lock.
std::vector<storage::TieredTable::Change> Collection::Impl::begin_changes(LookUpMode mode,
                                                                          const KeyedBatch& keys) {
  std::vector<storage::TieredTable::Change> changes;
  if (mode == LookUpMode::kReadOnly) return changes;
  for (size_t t = 0; t < tables.size(); ++t) {
    storage::TieredTable& rows = tables[t].rows;
    if (!rows.tiered()) changes.push_back(rows.begin_change(keys.hashes(static_cast<int>(t))));
  }
  for (storage::TieredTable::Change& change : changes) change.lock();
  return changes;
}

LookUpCounts Collection::look_up(KeyedBatch& keys, LookUpMode mode, uint32_t step,
                                 ThreadPool& pool) {
  Impl& impl = *impl_;
  const bool train = mode == LookUpMode::kTrain;
  STRATA_CHECK(keys.tables_.size() == impl.tables.size(), "keys of another collection");
  STRATA_CHECK(!train || step >= 1, "steps count from 1", step);
  keys.trains_ = train;
  impl.size_outputs(keys);
  const auto paused = impl.pause_fetching(mode);
  const int64_t held = train ? impl.hold_rows(step, keys) : 0;
  const auto changes = impl.begin_changes(mode, keys);
  const std::vector<KeyRange> ranges =
      key_ranges(impl.tables, keys, pool.threads(), [&](const TableState& table) {
        return train && !table.rows.tiered() && table.rows.dram().shared_run();
      });
  std::vector<int64_t> made(ranges.size());
  pool.parallel_for(static_cast<int64_t>(ranges.size()), [&](int64_t r, int) {
    in_table(impl.tables[ranges[r].table], [&] {
      if (!train) return impl.read_rows(ranges[r], keys);
      made[r] = impl.make_rows(ranges[r], step, keys);
      impl.read_weights(ranges[r], keys);
    });
  });
  LookUpCounts counts{.unique = keys.unique(), .created = held};
  for (const int64_t rows : made) counts.created += rows;
  if (!train) Impl::count_defaulted(keys, counts);
  return counts;
}

}  // namespace strata::embedding
