// Keys in, pooled vectors out.
#include <algorithm>

#include "base/check.h"
#include "embedding/collection_impl.h"
#include "kernels/pool_rows.h"

namespace strata::embedding {
namespace {

/// True when each of `bags` bags holds one id.
bool one_id_per_bag(const int64_t* offsets, int64_t bags) {
  int64_t others = 0;
  for (int64_t b = 0; b < bags; ++b) others += offsets[b + 1] - offsets[b] != 1;
  return others == 0;
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
