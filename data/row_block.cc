#include "data/row_block.h"

namespace strata::data {

void RowBlock::start(const Schema& schema) {
  rows = blank = 0;
  bad.clear();
  dense.resize(schema.dense.size() * static_cast<size_t>(kSliceRows));
  ids.resize(schema.sparse.size() * static_cast<size_t>(kColumnStride));
}

}  // namespace strata::data
