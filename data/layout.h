#pragma once

#include <vector>

#include "data/schema.h"

namespace strata::data {

/// What one field of a line is read as. A field may be read several ways (a number and a category).
enum class FieldRole { kNumber, kId, kList, kLabel, kSampleWeight, kTime, kGroup, kSampleId };

struct FieldUse {
  FieldRole role = FieldRole::kNumber;
  int slot = -1;  // kNumber, kId, kList: column of RawColumns
};

struct NumberSlot {
  int field = 0;
  bool reject_nan = false;       // a use wants nan to make a bad row
  bool reject_infinite = false;  // the same for inf; also numbers beyond float
  bool operator==(const NumberSlot&) const = default;
};

struct IdSlot {
  int field = 0;
  IdEncoding encoding = IdEncoding::kText;
};

/// How the parsers' raw columns lie, computed once from a schema. Parsers write slots, the encoder
/// makes features of them.
struct Layout {
  explicit Layout(const Schema& schema, bool with_label = true);

  std::vector<std::vector<FieldUse>> uses;  // [fields]
  std::vector<NumberSlot> numbers;
  std::vector<IdSlot> ids;
  std::vector<int> lists;        // sparse index of each list slot
  std::vector<int> dense_slot;   // [dense] number slot
  std::vector<int> sparse_slot;  // [sparse] number, id or list slot; -1: crossed

 private:
  void add_number(int field, NonFinite rule, bool clipped, int& slot);
  void add_sparse(const Schema& schema, int index);
};

}  // namespace strata::data
