#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/block_source.h"
#include "data/generator.h"

namespace strata::data {

/// Generated Criteo TSV as a source of blocks: format synthetic needs no file. A block is a range
/// of rows, made when it is read.
class SyntheticSource final : public BlockSource {
 public:
  /// Throws Error{config} for a config the generator refuses.
  SyntheticSource(const GeneratorConfig& config, int64_t block_bytes);

  std::span<const Block> blocks() const override { return blocks_; }
  const std::string& file_name(int) const override { return name_; }
  bool in_order_only(int) const override { return false; }
  int64_t read(int64_t block, char* out) override;
  uint64_t digest() const override;

 private:
  CriteoGenerator generator_;
  std::vector<Block> blocks_;
  std::string text_;
  std::string name_ = "synthetic";
};

}  // namespace strata::data
