// Keys in, pooled vectors out: the forward half of a batch.
#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "embedding/collection_impl.h"
#include "kernels/apply_rows.h"
#include "kernels/init.h"
#include "kernels/pool_rows.h"

namespace strata::embedding {
namespace {

constexpr int64_t kBelow = -2;           // slot of a row that was read from the SSD
constexpr int64_t kKeysPerRange = 2048;  // enough work to be worth handing to a thread

/// True when each of `bags` bags holds one id.
bool one_id_per_bag(const int64_t* offsets, int64_t bags) {
  int64_t others = 0;
  for (int64_t b = 0; b < bags; ++b) others += offsets[b + 1] - offsets[b] != 1;
  return others == 0;
}

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

int64_t count_defaulted(const TableKeys& table) {
  int64_t count = 0;
  for (const int32_t u : table.keys.inverse.span()) count += table.slots[u] == storage::kNoSlot;
  return count;
}

}  // namespace

/// Bag offsets, samples and pooling factors of one lookup, whose begin and count are set.
void Collection::Impl::prepare_lookup(const Batch& batch, int lookup, KeyedBatch& out) const {
  const Lookup& use = lookups[lookup];
  LookupKeys& keys = out.lookups_[lookup];
  const int64_t* offsets = batch.offsets.data() + use.feature * batch.size;
  const int64_t first = offsets[0];
  const bool pooled = use.pooling != Pooling::kNone;
  keys.one_id_per_bag = one_id_per_bag(offsets, batch.size);
  keys.bag_offsets.resize(0);
  keys.sample.resize(0);
  keys.factors.resize(0);
  const float* weights = batch.id_weights.empty() ? nullptr : batch.id_weights.data() + first;
  const bool sum = use.pooling == Pooling::kSum;
  if (!keys.one_id_per_bag) {
    keys.bag_offsets.resize(batch.size + 1);
    keys.sample.resize(keys.count);
    for (int64_t b = 0; b < batch.size; ++b) {
      keys.bag_offsets[b] = static_cast<int32_t>(offsets[b] - first);
      std::fill(keys.sample.data() + (offsets[b] - first),
                keys.sample.data() + (offsets[b + 1] - first), static_cast<int32_t>(b));
    }
    keys.bag_offsets[batch.size] = static_cast<int32_t>(keys.count);
  }
  if (!pooled || (!weights && (sum || keys.one_id_per_bag))) return;
  keys.factors.resize(keys.count);
  if (sum) {
    std::copy_n(weights, keys.count, keys.factors.data());
    return;
  }
  if (keys.one_id_per_bag) {  // weighted: the factor is 1, -1 for a negative sqrtn weight, or 0
    keys.bag_offsets.resize(batch.size + 1);
    for (int64_t b = 0; b <= batch.size; ++b) keys.bag_offsets[b] = static_cast<int32_t>(b);
  }
  const kernels::Bags bags{
      .offsets = keys.bag_offsets.data(), .bags = batch.size, .weights = weights};
  if (use.pooling == Pooling::kMean) kernels::mean_factors(bags, keys.factors.data());
  if (use.pooling == Pooling::kSqrtn) kernels::sqrtn_factors(bags, keys.factors.data());
}

void Collection::Impl::prepare_table(const Batch& batch, int table, KeyedBatch& out) const {
  TableKeys& keys = out.tables_[table];
  const TableState& state = tables[table];
  const auto begin_of = [&](int lookup) {
    return batch.offsets[lookups[lookup].feature * batch.size];
  };
  int64_t count = 0;
  for (const int l : state.lookups) {
    out.lookups_[l].begin = count;
    out.lookups_[l].count =
        batch.offsets[(lookups[l].feature + int64_t{1}) * batch.size] - begin_of(l);
    count += out.lookups_[l].count;
  }
  keys.hashes.resize(count);
  for (const int l : state.lookups) {
    const std::span ids(batch.ids.data() + begin_of(l), out.lookups_[l].count);
    kernels::mix_keys(ids, state.salt, keys.hashes.data() + out.lookups_[l].begin);
    prepare_lookup(batch, l, out);
  }
  kernels::dedup(keys.hashes.span(), keys.keys);
  keys.slots.resize(0);
  keys.weights.resize(0);
  keys.gradients.resize(0);
}

void Collection::prepare(const Batch& batch, KeyedBatch& out, ThreadPool& pool) const {
  const Impl& impl = *impl_;
  STRATA_CHECK(batch.size >= 0 &&
                   (impl.features == 0 ||
                    static_cast<int64_t>(batch.offsets.size()) >= impl.features * batch.size + 1),
               "features of the batch", batch.offsets.size(), impl.features, batch.size);
  STRATA_CHECK(batch.id_weights.empty() || batch.id_weights.size() == batch.ids.size(),
               "id weights", batch.id_weights.size(), batch.ids.size());
  out.size_ = batch.size;
  out.ticket_ = 0;
  out.trains_ = false;
  out.unpooled_.clear();
  out.chunk_begin_.assign(batch.chunk_begin.begin(), batch.chunk_begin.end());
  if (out.chunk_begin_.empty()) out.chunk_begin_ = {0, batch.size};
  out.lookups_.resize(impl.lookups.size());
  out.tables_.resize(impl.tables.size());
  pool.parallel_for(tables(), [&](int64_t t, int) {
    const auto table = static_cast<int>(t);
    in_table(impl.tables[table], [&] { impl.prepare_table(batch, table, out); });
  });
}

void Collection::Impl::find_rows(const KeyRange& range, KeyedBatch& keys) const {
  TableKeys& table = keys.tables_[range.table];
  const auto count = static_cast<size_t>(range.end - range.begin);
  tables[range.table].rows.find(table.keys.unique.span().subspan(range.begin, count),
                                table.slots.span().subspan(range.begin, count));
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
    in_table(state, [&] {
      const storage::BatchHold batch{
          .ticket = keys.ticket_, .oldest = oldest_ticket, .room_bytes = room_of(state)};
      state.rows.hold(batch, hashes, slots, created);
      init_rows(state, hashes, slots, created, step);
    });
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
    in_table(state, [&] {
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
      init_rows(state, hashes, slots, created, step);  // rows made until here are whole
      throw;
    }
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

/// Weights of rows that only the SSD has, over the default row; their slots become kBelow.
void Collection::Impl::read_below(const KeyRange& range, KeyedBatch& keys) const {
  const TableState& state = tables[range.table];
  if (!state.rows.tiered()) return;
  TableKeys& table = keys.tables_[range.table];
  std::vector<int64_t> places;
  std::vector<uint64_t> absent;
  for (int64_t u = range.begin; u < range.end; ++u) {
    if (table.slots[u] != storage::kNoSlot) continue;
    places.push_back(u);
    absent.push_back(table.keys.unique[u]);
  }
  const auto width = static_cast<size_t>(state.layout.row_bytes());
  std::vector<std::byte> rows(absent.size() * width);
  std::vector<uint8_t> found(absent.size());
  state.rows.read(absent, rows, found);
  for (size_t i = 0; i < absent.size(); ++i) {
    if (found[i] == 0) continue;
    table.slots[places[i]] = kBelow;
    state.read_weights(std::span(rows).subspan(i * width, width),
                       {table.weights.data() + places[i] * state.config.dim,
                        static_cast<size_t>(state.config.dim)});
  }
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

LookUpCounts Collection::look_up(KeyedBatch& keys, LookUpMode mode, uint32_t step,
                                 ThreadPool& pool) {
  Impl& impl = *impl_;
  const bool train = mode == LookUpMode::kTrain;
  STRATA_CHECK(keys.tables_.size() == impl.tables.size(), "keys of another collection");
  STRATA_CHECK(!train || step >= 1, "steps count from 1", step);
  keys.trains_ = train;
  for (size_t t = 0; t < impl.tables.size(); ++t) {
    TableKeys& table = keys.tables_[t];
    const TableState& state = impl.tables[t];
    in_table(state, [&] {
      const size_t unique = table.keys.unique.size();
      table.slots.resize(unique);
      table.weights.resize(unique * state.config.dim);
    });
  }
  const auto paused = impl.pause_fetching(mode);
  const int64_t held = train ? impl.hold_rows(step, keys) : 0;
  const std::vector<KeyRange> ranges =
      key_ranges(impl.tables, keys, pool.threads(), [&](const TableState& table) {
        return train && !table.rows.tiered() && table.rows.dram().shared_run();
      });
  std::vector<int64_t> made(ranges.size());
  pool.parallel_for(static_cast<int64_t>(ranges.size()), [&](int64_t r, int) {
    in_table(impl.tables[ranges[r].table], [&] {
      if (train) {
        made[r] = impl.make_rows(ranges[r], step, keys);
      } else {
        impl.find_rows(ranges[r], keys);
      }
      impl.read_weights(ranges[r], keys);
      if (!train) impl.read_below(ranges[r], keys);
    });
  });
  LookUpCounts counts{.unique = keys.unique(), .created = held};
  for (const int64_t rows : made) counts.created += rows;
  for (size_t t = 0; t < impl.tables.size() && !train; ++t) {
    const auto slots = keys.tables_[t].slots.span();
    const int64_t absent = std::count(slots.begin(), slots.end(), storage::kNoSlot);
    counts.defaulted += absent;
    if (absent > 0) counts.defaulted_occurrences += count_defaulted(keys.tables_[t]);
  }
  return counts;
}

void Collection::pool(const KeyedBatch& keys, int64_t begin, int64_t end, float* out,
                      int64_t stride) const {
  STRATA_CHECK(0 <= begin && begin <= end && end <= keys.size_, "samples", begin, end, keys.size_);
  STRATA_CHECK(stride >= impl_->out_width, "stride", stride, impl_->out_width);
  for (size_t l = 0; l < impl_->lookups.size(); ++l) {
    const Lookup& use = impl_->lookups[l];
    if (use.pooling == Pooling::kNone) continue;
    const LookupKeys& lookup = keys.lookups_[l];
    const TableKeys& table = keys.tables_[impl_->lookup_table[l]];
    const TableState& state = impl_->tables[impl_->lookup_table[l]];
    STRATA_CHECK(table.weights.size() == table.keys.unique.size() * state.config.dim,
                 "pool before look_up");
    kernels::pool_rows({.weights = table.weights.data(),
                        .dim = state.config.dim,
                        .inverse = table.keys.inverse.data() + lookup.begin,
                        .bag_offsets = lookup.one_id_per_bag ? nullptr : lookup.bag_offsets.data(),
                        .factors = lookup.factors.empty() ? nullptr : lookup.factors.data(),
                        .begin = begin,
                        .end = end,
                        .out = out + use.out_column,
                        .stride = stride});
  }
}

void Collection::gather(const KeyedBatch& keys, int lookup, float* out, int64_t stride) const {
  const LookupKeys& use = keys.lookups_[lookup];
  const TableKeys& table = keys.tables_[impl_->lookup_table[lookup]];
  const TableState& state = impl_->tables[impl_->lookup_table[lookup]];
  STRATA_CHECK(table.weights.size() == table.keys.unique.size() * state.config.dim,
               "gather before look_up");
  kernels::pool_rows({.weights = table.weights.data(),
                      .dim = state.config.dim,
                      .inverse = table.keys.inverse.data() + use.begin,
                      .end = use.count,
                      .out = out,
                      .stride = stride});
}

}  // namespace strata::embedding
