#include "data/layout.h"

#include <algorithm>

namespace strata::data {

Layout::Layout(const Schema& schema, bool with_label)
    : uses(schema.fields.size()),
      dense_slot(schema.dense.size(), -1),
      sparse_slot(schema.sparse.size(), -1) {
  for (size_t i = 0; i < schema.dense.size(); ++i) {
    const DenseFeature& feature = schema.dense[i];
    add_number(feature.field, feature.non_finite, !feature.clip.empty(), dense_slot[i]);
  }
  for (size_t i = 0; i < schema.sparse.size(); ++i) add_sparse(schema, static_cast<int>(i));
  const auto add = [&](int field, FieldRole role) {
    if (field >= 0) uses[static_cast<size_t>(field)].push_back({role, -1});
  };
  if (with_label) add(schema.label.field, FieldRole::kLabel);
  add(schema.sample_weight_field, FieldRole::kSampleWeight);
  add(schema.time_field, FieldRole::kTime);
  add(schema.group_field, FieldRole::kGroup);
  add(schema.id_field, FieldRole::kSampleId);
}

void Layout::add_number(int field, NonFinite rule, bool clipped, int& slot) {
  auto found = std::find_if(numbers.begin(), numbers.end(),
                            [&](const NumberSlot& number) { return number.field == field; });
  if (found == numbers.end()) {
    uses[static_cast<size_t>(field)].push_back(
        {FieldRole::kNumber, static_cast<int>(numbers.size())});
    found = numbers.insert(numbers.end(), {.field = field});
  }
  if (rule == NonFinite::kBadRow) {
    found->reject_nan = true;
    found->reject_infinite |= !clipped;
  }
  slot = static_cast<int>(found - numbers.begin());
}

void Layout::add_sparse(const Schema& schema, int index) {
  const SparseFeature& feature = schema.sparse[static_cast<size_t>(index)];
  int& slot = sparse_slot[static_cast<size_t>(index)];
  if (feature.kind == SparseKind::kCrossed) return;
  if (feature.kind == SparseKind::kBuckets) {
    add_number(feature.field, feature.non_finite, !feature.clip.empty(), slot);
    return;
  }
  auto& field_uses = uses[static_cast<size_t>(feature.field)];
  if (feature.kind == SparseKind::kList) {
    slot = static_cast<int>(lists.size());
    lists.push_back(index);
    field_uses.push_back({FieldRole::kList, slot});
    return;
  }
  const auto found = std::find_if(ids.begin(), ids.end(), [&](const IdSlot& id) {
    return id.field == feature.field && id.encoding == feature.encoding;
  });
  slot = static_cast<int>(found - ids.begin());
  if (found != ids.end()) return;
  ids.push_back({feature.field, feature.encoding});
  field_uses.push_back({FieldRole::kId, slot});
}

}  // namespace strata::data
