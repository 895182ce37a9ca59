#include "kernels/dedup.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <numeric>
#include <vector>

#include "base/check.h"
#include "base/isa.h"

namespace strata::kernels {
namespace {

// Slots beyond the last home, so that walks need not wrap; a crowd beyond them takes the slow path.
constexpr size_t kPadding = 64;
constexpr size_t kPrefetchFrom = size_t{1} << 15;  // smaller tables sit in the second-level cache
constexpr size_t kAhead = 16;

/// Steps of a walk that a batch may spend before its keys count as not mixed.
constexpr size_t step_budget(size_t n) { return 8 * n + 256; }

/// Numbers distinct keys in order of appearance: out.inverse [N] -> number, out.workspace [U] ->
/// key. Slot s of out.table holds number + 1 or 0; slots follow the order of keys. Returns false
/// when keys crowd.
bool number_keys(std::span<const uint64_t> keys, int shift, UniqueKeys& out, size_t& unique) {
  const size_t n = keys.size();
  const uint64_t* const key = keys.data();
  uint32_t* const table = out.table.data();
  const uint32_t* const table_end = table + out.table.size();
  uint64_t* const seen = out.workspace.data();
  int32_t* const inverse = out.inverse.data();
  const bool prefetch = n >= kPrefetchFrom;
  size_t steps = step_budget(n);
  uint32_t count = 0;
  for (size_t i = 0; i < n; ++i) {
    if (prefetch && i + kAhead < n) __builtin_prefetch(table + (key[i + kAhead] >> shift), 1);
    const uint64_t h = key[i];
    uint32_t* slot = table + (h >> shift);
    while (*slot != 0 && seen[*slot - 1] != h) {
      if (++slot == table_end || --steps == 0) return false;
    }
    if (*slot == 0) {
      seen[count] = h;
      *slot = ++count;
    }
    inverse[i] = static_cast<int32_t>(*slot - 1);
  }
  unique = count;
  return true;
}

/// Numbers in the order of table slots -> order [U]; they are nearly in the order of keys.
void collect_numbers(const UniqueKeys& in, size_t unique, uint32_t* order) {
  const uint32_t* const table = in.table.data();
  size_t found = 0;
  for (size_t s = 0; found < unique; ++s) {
    order[found] = table[s] - 1;  // overwritten when the slot is empty
    found += table[s] != 0;
  }
}

/// Any keys, N log N: the same results by sorting.
void dedup_by_sorting(std::span<const uint64_t> keys, UniqueKeys& out) {
  std::vector<int32_t> order(keys.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](int32_t a, int32_t b) { return keys[a] < keys[b]; });
  size_t unique = 0;
  for (size_t i = 0; i < order.size(); ++i) {
    if (i > 0 && keys[order[i]] != keys[order[i - 1]]) ++unique;
    out.inverse[order[i]] = static_cast<int32_t>(unique);
  }
  out.unique.resize(unique + 1);
  for (size_t i = 0; i < order.size(); ++i) out.unique[out.inverse[order[i]]] = keys[order[i]];
}

struct MixKeys {
  struct Args {
    std::span<const uint64_t> ids;
    uint64_t salt;
    uint64_t* out;
  };
  STRATA_ALWAYS_INLINE static void run(const Args& args) {
    const uint64_t* __restrict ids = args.ids.data();
    uint64_t* __restrict out = args.out;
    const uint64_t salt = args.salt;
    const size_t n = args.ids.size();
    for (size_t i = 0; i < n; ++i) {  // mix64 (base/hash.h), which must inline to vectorise
      uint64_t z = ids[i] ^ salt;
      z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
      z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
      out[i] = z ^ (z >> 31);
    }
  }
};

}  // namespace

void mix_keys(std::span<const uint64_t> ids, uint64_t salt, uint64_t* out) {
  isa::dispatch<MixKeys, MixKeys::Args>({ids, salt, out});
}

void dedup(std::span<const uint64_t> keys, UniqueKeys& out) {
  const size_t n = keys.size();
  STRATA_CHECK(n < std::numeric_limits<int32_t>::max(), "keys of one table in a batch", n);
  out.inverse.resize(n);
  out.unique.resize(0);
  if (n == 0) return;
  const int bits = std::max(1, static_cast<int>(std::bit_width(2 * n - 1)));  // load at most 1/2
  const size_t slots = (size_t{1} << bits) + kPadding;
  out.table.resize(slots);
  out.workspace.resize(n);
  std::memset(out.table.data(), 0, slots * sizeof(uint32_t));
  size_t unique = 0;
  if (!number_keys(keys, 64 - bits, out, unique)) return dedup_by_sorting(keys, out);

  // order and rank take two parts of the table's memory once their part has been read.
  out.unique.resize(unique);
  out.begin.resize(unique + 1);
  auto* const order = reinterpret_cast<uint32_t*>(out.begin.data());
  collect_numbers(out, unique, order);
  uint64_t* const sorted = out.unique.data();
  const uint64_t* const seen = out.workspace.data();
  for (size_t u = 0; u < unique; ++u) {
    const uint32_t number = order[u];
    const uint64_t h = seen[number];
    size_t at = u;
    for (; at > 0 && h < sorted[at - 1]; --at) {
      sorted[at] = sorted[at - 1];
      order[at] = order[at - 1];
    }
    sorted[at] = h;
    order[at] = number;
  }
  uint32_t* const rank = out.table.data();
  for (size_t u = 0; u < unique; ++u) rank[order[u]] = static_cast<uint32_t>(u);
  int32_t* const inverse = out.inverse.data();
  for (size_t i = 0; i < n; ++i) inverse[i] = static_cast<int32_t>(rank[inverse[i]]);
}

void list_occurrences(std::span<const OccurrenceRange> order, UniqueKeys& out) {
  const size_t n = out.inverse.size();
  const size_t unique = out.unique.size();
  out.begin.resize(unique + 1);
  out.occurrences.resize(n);
  out.table.resize(unique + 1);
  const int32_t* const inverse = out.inverse.data();
  int32_t* const begin = out.begin.data();
  auto* const cursor = reinterpret_cast<int32_t*>(out.table.data());
  std::memset(begin, 0, (unique + 1) * sizeof(int32_t));
  for (size_t i = 0; i < n; ++i) ++begin[inverse[i] + 1];
  for (size_t u = 0; u < unique; ++u) {
    begin[u + 1] += begin[u];
    cursor[u] = begin[u];
  }
  int32_t* const occurrences = out.occurrences.data();
  size_t visited = 0;
  for (const OccurrenceRange range : order) {
    STRATA_CHECK(
        range.begin >= 0 && range.begin <= range.end && range.end <= static_cast<int64_t>(n),
        "occurrences", range.begin, range.end, n);
    for (int64_t i = range.begin; i < range.end; ++i) {
      occurrences[cursor[inverse[i]]++] = static_cast<int32_t>(i);
    }
    visited += range.end - range.begin;
  }
  STRATA_CHECK(visited == n, "occurrences visited", visited, n);
}

}  // namespace strata::kernels
