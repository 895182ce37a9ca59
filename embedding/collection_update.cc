// Gradients in, rows changed: the backward half of a batch.
#include <algorithm>
#include <array>
#include <utility>

#include "base/check.h"
#include "base/hash.h"
#include "embedding/collection_impl.h"
#include "kernels/apply_rows.h"
#include "kernels/reduce_rows.h"

namespace strata::embedding {
namespace {

constexpr int64_t kFloatsPerRange = 32 * 1024;  // of gradients read or rows changed by one task

/// Cuts [0, U) where the running cost passes equal shares. begin [U + 1] is the cost before each
/// key, or empty: all keys cost the same.
void cut_keys(int table, int64_t unique, int64_t parts, std::span<const int32_t> begin,
              std::vector<KeyRange>& out) {
  int64_t from = 0;
  for (int64_t part = 1; part <= parts; ++part) {
    int64_t to = unique * part / parts;
    if (!begin.empty() && part < parts) {
      const int64_t cost = int64_t{begin[unique]} * part / parts;
      to = std::lower_bound(begin.begin(), begin.begin() + unique, cost) - begin.begin();
    }
    to = std::max(from, to);
    if (to > from) out.push_back({table, from, to});
    from = to;
  }
}

int64_t parts_for(int64_t floats, int threads) {
  return threads == 1 ? 1 : std::clamp<int64_t>(floats / kFloatsPerRange, 1, 4 * threads);
}

/// sum <- union of the keys of both, gradients added where both have one.
void merge_gradients(const TableKeys& from, int64_t dim, TableKeys& sum) {
  const auto old_keys = sum.keys.unique.span();
  const auto new_keys = from.keys.unique.span();
  TableKeys merged;
  merged.keys.unique.resize(old_keys.size() + new_keys.size());
  merged.slots.resize(merged.keys.unique.size());
  merged.gradients.resize(merged.keys.unique.size() * dim);
  size_t count = 0;
  for (size_t a = 0, b = 0; a < old_keys.size() || b < new_keys.size(); ++count) {
    const bool has_old =
        a < old_keys.size() && (b == new_keys.size() || old_keys[a] <= new_keys[b]);
    const bool has_new =
        b < new_keys.size() && (a == old_keys.size() || new_keys[b] <= old_keys[a]);
    merged.keys.unique[count] = has_old ? old_keys[a] : new_keys[b];
    merged.slots[count] = has_old ? sum.slots[a] : from.slots[b];
    float* out = merged.gradients.data() + count * dim;
    const float* first = has_old ? sum.gradients.data() + a * dim : from.gradients.data() + b * dim;
    std::copy_n(first, dim, out);
    if (has_old && has_new) {
      const float* second = from.gradients.data() + b * dim;
      for (int64_t i = 0; i < dim; ++i) out[i] += second[i];
    }
    a += has_old;
    b += has_new;
  }
  merged.keys.unique.resize(count);
  merged.slots.resize(count);
  merged.gradients.resize(count * dim);
  sum = std::move(merged);
}

}  // namespace

/// Occurrences of each key by chunk, then by lookup, then by sample.
void Collection::Impl::list_table(int table, KeyedBatch& keys) const {
  std::vector<kernels::OccurrenceRange> order;
  for (size_t c = 0; c + 1 < keys.chunk_begin_.size(); ++c) {
    for (const int l : tables[table].lookups) {
      const LookupKeys& lookup = keys.lookups_[l];
      const auto at = [&](int64_t sample) {
        return lookup.begin +
               (lookup.one_id_per_bag ? sample : int64_t{lookup.bag_offsets[sample]});
      };
      order.push_back({at(keys.chunk_begin_[c]), at(keys.chunk_begin_[c + 1])});
    }
  }
  kernels::list_occurrences(order, keys.tables_[table].keys);
}

/// Whether the short way of tables of width 1 is open (kernels::reduce_scalars); same bits.
bool Collection::Impl::reduces_scalars(int table, const KeyedBatch& keys) const {
  const TableState& state = tables[table];
  if (state.config.dim != 1 || state.lookups.size() != 1) return false;
  const int l = state.lookups.front();
  return keys.lookups_[l].one_id_per_bag && keys.lookups_[l].factors.empty() &&
         lookups[l].pooling != Pooling::kNone &&
         static_cast<int64_t>(keys.chunk_begin_.size()) - 1 <= kernels::kMaxScalarChunks;
}

void Collection::Impl::reduce_scalars(int table, KeyedBatch& keys, const float* dpool,
                                      int64_t stride) const {
  TableKeys& part = keys.tables_[table];
  const size_t unique = part.keys.unique.size();
  part.chunk_sums.resize((keys.chunk_begin_.size() - 2) * unique);
  kernels::reduce_scalars({.inverse = part.keys.inverse.data(),
                           .rows = dpool + lookups[tables[table].lookups.front()].out_column,
                           .stride = stride,
                           .chunk_begin = keys.chunk_begin_,
                           .unique = static_cast<int64_t>(unique),
                           .workspace = part.chunk_sums.data(),
                           .gradients = part.gradients.data()});
}

void Collection::Impl::reduce_range(const KeyRange& range, KeyedBatch& keys, const float* dpool,
                                    int64_t stride) const {
  const TableState& state = tables[range.table];
  TableKeys& table = keys.tables_[range.table];
  std::vector<kernels::OccurrenceGradients> sources;
  for (const int l : state.lookups) {
    const LookupKeys& lookup = keys.lookups_[l];
    kernels::OccurrenceGradients source{
        .begin = lookup.begin,
        .end = lookup.begin + lookup.count,
        .rows = dpool + lookups[l].out_column,
        .stride = stride,
        .sample = lookup.one_id_per_bag ? nullptr : lookup.sample.data(),
        .factors = lookup.factors.empty() ? nullptr : lookup.factors.data()};
    if (lookups[l].pooling == Pooling::kNone) {
      const auto given = std::find_if(keys.unpooled_.begin(), keys.unpooled_.end(),
                                      [&](const UnpooledGradient& g) { return g.lookup == l; });
      STRATA_CHECK(given != keys.unpooled_.end(), "no gradient of the unpooled lookup", l);
      source.rows = given->rows;
      source.stride = given->stride;
      source.per_occurrence = true;
    }
    sources.push_back(source);
  }
  kernels::reduce_rows({.begin = table.keys.begin.data(),
                        .occurrences = table.keys.occurrences.data(),
                        .lookups = sources,
                        .chunk_begin = keys.chunk_begin_,
                        .dim = state.config.dim,
                        .u_begin = range.begin,
                        .u_end = range.end,
                        .gradients = table.gradients.data()});
}

void Collection::reduce_gradients(KeyedBatch& keys, const float* dpool, int64_t stride,
                                  std::span<const int64_t> chunk_begin, ThreadPool& pool) const {
  const Impl& impl = *impl_;
  STRATA_CHECK(keys.trains_, "gradients of keys that were not looked up for training");
  STRATA_CHECK(stride >= impl.out_width, "stride", stride, impl.out_width);
  STRATA_CHECK(std::equal(chunk_begin.begin(), chunk_begin.end(), keys.chunk_begin_.begin(),
                          keys.chunk_begin_.end()),
               "chunks differ from those of the prepared batch", chunk_begin.size());
  pool.parallel_for(tables(), [&](int64_t t, int) {
    const TableState& state = impl.tables[t];
    TableKeys& table = keys.tables_[t];
    if (!state.config.trainable) return;
    in_table(state, [&] {
      table.gradients.resize(table.keys.unique.size() * state.config.dim);
      if (impl.reduces_scalars(static_cast<int>(t), keys)) {
        impl.reduce_scalars(static_cast<int>(t), keys, dpool, stride);
      } else {
        impl.list_table(static_cast<int>(t), keys);
      }
    });
  });
  std::vector<KeyRange> ranges;
  for (int t = 0; t < tables(); ++t) {
    const kernels::UniqueKeys& unique = keys.tables_[t].keys;
    if (!impl.tables[t].config.trainable || unique.unique.empty()) continue;
    if (impl.reduces_scalars(t, keys)) continue;
    const auto floats = static_cast<int64_t>(unique.inverse.size()) * impl.tables[t].config.dim;
    cut_keys(t, keys.unique(t), parts_for(floats, pool.threads()), unique.begin.span(), ranges);
  }
  pool.parallel_for(static_cast<int64_t>(ranges.size()),
                    [&](int64_t r, int) { impl.reduce_range(ranges[r], keys, dpool, stride); });
}

void Collection::accumulate(const KeyedBatch& keys, KeyedBatch& sum) const {
  STRATA_CHECK(keys.trains_, "gradients of keys that were not looked up for training");
  sum.tables_.resize(impl_->tables.size());
  sum.trains_ = true;
  sum.ticket_ = std::max(sum.ticket_, keys.ticket_);
  for (int t = 0; t < tables(); ++t) {
    if (!impl_->tables[t].config.trainable) continue;
    in_table(impl_->tables[t], [&] {
      merge_gradients(keys.tables_[t], impl_->tables[t].config.dim, sum.tables_[t]);
    });
  }
}

double Collection::squared_gradient_norm(const KeyedBatch& keys) const {
  constexpr size_t kLanes = 8;  // partial sums: a fixed order that vectorises
  double total = 0;
  for (const TableKeys& table : keys.tables_) {
    const auto gradients = table.gradients.span();
    std::array<double, kLanes> lanes{};
    size_t i = 0;
    for (; i + kLanes <= gradients.size(); i += kLanes) {
      for (size_t j = 0; j < kLanes; ++j) {
        const double g = gradients[i + j];
        lanes[j] += g * g;
      }
    }
    for (; i < gradients.size(); ++i) lanes[0] += double{gradients[i]} * gradients[i];
    for (const double lane : lanes) total += lane;
  }
  return total;
}

void Collection::apply(const KeyedBatch& keys, uint32_t step, float scale, ThreadPool& pool) {
  Impl& impl = *impl_;
  STRATA_CHECK(keys.trains_ && step >= 1, "rows looked up for training", step);
  std::vector<KeyRange> ranges;
  std::vector<kernels::OptimizerStep> optimizers;
  for (int t = 0; t < tables(); ++t) {
    TableState& state = impl.tables[t];
    optimizers.push_back(state.config.optimizer.at_step(step, state.rate));
    if (state.replays()) {
      STRATA_CHECK(state.rates.size() + 1 == step, "steps are applied one after another",
                   state.rates.size(), step);
      state.rates.push_back(state.rate);
    }
    const auto unique = static_cast<int64_t>(keys.tables_[t].keys.unique.size());
    if (!state.config.trainable || unique == 0) continue;
    STRATA_CHECK(keys.tables_[t].gradients.size() == size_t(unique) * state.config.dim,
                 "apply before reduce_gradients", t);
    cut_keys(t, unique, parts_for(unique * state.layout.row_bytes() / 4, pool.threads()), {},
             ranges);
  }
  pool.parallel_for(static_cast<int64_t>(ranges.size()), [&](int64_t r, int) {
    const auto [t, begin, end] = ranges[r];
    const TableState& state = impl.tables[t];
    const TableKeys& table = keys.tables_[t];
    kernels::apply_rows(optimizers[t], {.rows = state.rows.dram().rows(),
                                        .layout = state.layout,
                                        .slots = table.slots.span().subspan(begin, end - begin),
                                        .grads = table.gradients.data() + begin * state.config.dim,
                                        .scale = scale,
                                        .step = step,
                                        .seed = combine64(impl.seed, state.salt),
                                        .keys = table.keys.unique.data() + begin});
  });
  impl.oldest_ticket = std::max<uint32_t>(impl.oldest_ticket, keys.ticket_ + 1);
}

}  // namespace strata::embedding
