#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "data/block_source.h"
#include "data/input_file.h"

namespace strata::data {

struct IndexOptions {
  int64_t block_bytes = 1 << 20;  // blocks end at the first piece end at or after this
  bool header = false;            // the first line of each file is not a row
  double max_expansion = kMaxExpansion;
};

/// One file of an index.
struct IndexedFile {
  std::string path;
  Compression compression = Compression::kNone;
  int64_t bytes = 0;  // in the file system, when indexed
  int64_t lines = 0;  // rows, header excluded
  std::string header{};
};

/// Where every line of the files is: one scan, about 10 GB/s for plain text in the page cache.
/// Blocks are a function of the text and block_bytes alone, however the file is compressed.
/// A byte-order mark at the beginning of a file is no text.
struct BlockIndex {
  std::vector<IndexedFile> files;
  std::vector<Block> blocks;  // file by file
  int64_t rows = 0;
  double max_expansion = kMaxExpansion;  // of the files, as they were indexed
};

/// Throws Error{data} naming a file without rows, Error{missing}, Error{io}.
BlockIndex index_files(const std::vector<std::string>& paths, const IndexOptions& options);

/// The blocks of files, read with pread or streamed through a decompressor.
/// A file whose size differs from the index is Error{data}; one that is gone Error{missing}.
std::unique_ptr<BlockSource> open_files(BlockIndex index);

}  // namespace strata::data
