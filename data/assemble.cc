#include "data/assemble.h"

#include <algorithm>
#include <cstring>
#include <numeric>

namespace strata::data {
namespace {

template <class T>
void append(std::vector<T>& to, const std::vector<T>& from) {
  to.insert(to.end(), from.begin(), from.end());
}

}  // namespace

Assembler::Assembler(const Schema& schema, const Layout& layout, float negative_weight)
    : schema_(schema), layout_(layout), negative_weight_(negative_weight) {
  for (const SparseFeature& feature : schema.sparse) {
    has_lists_ |= feature.kind == SparseKind::kList;
    has_id_weights_ |= feature.kind == SparseKind::kList && !feature.weight_separator.empty();
  }
}

void Assembler::assemble(std::span<const RowBlock> slices, Batch& batch) const {
  batch.size = 0;
  for (const RowBlock& slice : slices) batch.size += slice.rows;
  copy_rows(slices, batch);
  if (has_lists_) {
    copy_features_with_lists(slices, batch);
  } else {
    copy_features(slices, batch);
  }
  weigh(batch);
}

void Assembler::copy_rows(std::span<const RowBlock> slices, Batch& batch) const {
  const auto width = schema_.dense.size();
  batch.dense.resize(static_cast<size_t>(batch.size) * width);
  batch.labels.clear();
  batch.sample_weights.clear();
  batch.times.clear();
  batch.groups.clear();
  batch.sample_ids.clear();
  float* dense = batch.dense.data();
  for (const RowBlock& slice : slices) {
    const auto floats = static_cast<size_t>(slice.rows) * width;
    if (floats > 0) std::memcpy(dense, slice.dense.data(), floats * sizeof(float));
    dense += floats;
    append(batch.labels, slice.labels);
    append(batch.sample_weights, slice.sample_weights);
    append(batch.times, slice.times);
    append(batch.groups, slice.groups);
    append(batch.sample_ids, slice.sample_ids);
  }
}

void Assembler::copy_features(std::span<const RowBlock> slices, Batch& batch) const {
  const size_t total = static_cast<size_t>(batch.size) * schema_.sparse.size();
  batch.ids.resize(total);
  batch.offsets.resize(total + 1);
  std::iota(batch.offsets.begin(), batch.offsets.end(), int64_t{0});
  batch.id_weights.clear();
  uint64_t* to = batch.ids.data();
  for (int f = 0; f < std::ssize(schema_.sparse); ++f) {
    for (const RowBlock& slice : slices) {
      std::copy_n(slice.id(f), slice.rows, to);
      to += slice.rows;
    }
  }
}

void Assembler::copy_features_with_lists(std::span<const RowBlock> slices, Batch& batch) const {
  batch.ids.clear();
  batch.id_weights.clear();
  batch.offsets.assign(1, 0);
  for (size_t f = 0; f < schema_.sparse.size(); ++f) {
    const bool is_list = schema_.sparse[f].kind == SparseKind::kList;
    for (const RowBlock& slice : slices) {
      if (!is_list) {
        const uint64_t* const from = slice.id(static_cast<int>(f));
        batch.ids.insert(batch.ids.end(), from, from + slice.rows);
        for (int64_t i = 0; i < slice.rows; ++i) batch.offsets.push_back(batch.offsets.back() + 1);
        if (has_id_weights_) batch.id_weights.resize(batch.ids.size(), 1.0f);
        continue;
      }
      const ListColumn& list = slice.lists[static_cast<size_t>(layout_.sparse_slot[f])];
      append(batch.ids, list.ids);
      if (has_id_weights_) append(batch.id_weights, list.weights);
      for (const int32_t length : list.lengths) {
        batch.offsets.push_back(batch.offsets.back() + length);
      }
    }
  }
}

void Assembler::weigh(Batch& batch) const {
  if (negative_weight_ == 1) return;
  batch.sample_weights.resize(batch.labels.size(), 1.0f);
  for (size_t i = 0; i < batch.labels.size(); ++i) {
    if (batch.labels[i] == 0) batch.sample_weights[i] *= negative_weight_;
  }
}

}  // namespace strata::data
