#include "data/synthetic_source.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "base/hash.h"

namespace strata::data {
namespace {

// label, 13 integers of at most 9 characters, 26 ids of 8, 39 tabs, line end
constexpr int64_t kLongestLine = 1 + 13 * 9 + 26 * 8 + 39 + 1;

}  // namespace

SyntheticSource::SyntheticSource(const GeneratorConfig& config, int64_t block_bytes)
    : generator_(config, criteo_statistics()) {
  const int64_t rows = std::max<int64_t>(1, block_bytes / kLongestLine);
  for (int64_t first = 0; first < config.rows; first += rows) {
    const int64_t lines = std::min(rows, config.rows - first);
    blocks_.push_back({.offset = first,
                       .bytes = lines * kLongestLine,
                       .lines = lines,
                       .first_line = first + 1,
                       .first_row = first});
  }
}

int64_t SyntheticSource::read(int64_t number, char* out) {
  const Block& block = blocks_[static_cast<size_t>(number)];
  text_.clear();
  for (int64_t i = 0; i < block.lines; ++i) {
    CriteoGenerator::append_tsv(generator_.row(block.first_row + i), text_);
  }
  STRATA_CHECK(std::ssize(text_) <= block.bytes, "longest line", text_.size());
  std::memcpy(out, text_.data(), text_.size());
  return std::ssize(text_);
}

uint64_t SyntheticSource::digest() const {
  uint64_t digest = combine64(generator_.config().seed, static_cast<uint64_t>(blocks_.size()));
  for (const int64_t row : {int64_t{0}, generator_.config().rows - 1}) {
    digest = combine64(digest, generator_.row(row).identity[0]);
    const auto logit = static_cast<int64_t>(generator_.row(row).logit * 1e6);
    digest = combine64(digest, static_cast<uint64_t>(logit));
  }
  return digest;
}

}  // namespace strata::data
