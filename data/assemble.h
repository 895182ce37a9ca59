#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/batch.h"
#include "base/thread_pool.h"
#include "data/layout.h"
#include "data/row_block.h"
#include "data/schema.h"

namespace strata::data {

/// Joins slices, in order, into one feature-major batch.
class Assembler {
 public:
  /// Both outlive the assembler. `negative_weight` multiplies the weight of rows with label 0; 1
  /// leaves weights alone.
  Assembler(const Schema& schema, const Layout& layout, float negative_weight);

  /// Fills everything of `batch` but position and chunk_begin. Buffers of `batch` are reused.
  void assemble(std::span<const RowBlock> slices, Batch& batch) const;

 private:
  void copy_rows(std::span<const RowBlock> slices, Batch& batch) const;
  void copy_features(std::span<const RowBlock> slices, Batch& batch) const;
  void copy_features_with_lists(std::span<const RowBlock> slices, Batch& batch) const;
  void weigh(Batch& batch) const;

  const Schema& schema_;
  const Layout& layout_;
  float negative_weight_;
  bool has_lists_ = false;
  bool has_id_weights_ = false;
};

}  // namespace strata::data
