// Which rows leave DRAM, and how.

#include <algorithm>
#include <bit>
#include <cmath>
#include <utility>

#include "base/error.h"
#include "storage/tiered_table_impl.h"

namespace strata::storage {
namespace {

constexpr int64_t kLookedAt = 4;  // rows looked at for each that is evicted

/// A positive float as 30 bits that order as it does.
uint32_t packed(float score) { return std::bit_cast<uint32_t>(score) >> 2; }
float unpacked(uint32_t bits) { return std::bit_cast<float>(bits << 2); }

}  // namespace

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
    forget(piece);
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
void TieredTable::Impl::forget(std::span<const KeySlot> rows) {
  std::vector<uint64_t> hashes;
  for (const auto& [h, slot] : rows) {
    keep(h, slot);
    states.cover(slot);
    both -= states[slot].below;
    states[slot] = {};
    hashes.push_back(h);
  }
  dram.erase(hashes);
  note_changed(hashes);
}

/// What a reader without a lock has of these keys is old.
void TieredTable::Impl::note_changed(std::span<const uint64_t> hashes) {
  if (reading_ahead) changed.insert(changed.end(), hashes.begin(), hashes.end());
}

}  // namespace strata::storage
