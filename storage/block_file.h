#pragma once
// Block files: rows of one table in the order of h, as checkpoints keep them.
//
//   header   64 bytes: magic, version, row layout, shards, step; sealed by its own checksum
//   blocks   each {u32 magic, u32 shard, u32 rows, u32 zero, u64 xxh3 of what follows and of the
//            three numbers}, then u64 h[rows] ascending, then rows[rows], whole and in the layout
//            of the header; a block never crosses a shard border and holds at most 1 MiB or one row
//   trailer  {u32 magic, u32 zero, u64 rows, u64 blocks, u64 xxh3 of the three numbers}
//
// All numbers little-endian. Readers check everything before they believe it: any content ends in
// rows or in Error{corrupt} naming the file.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "kernels/rows.h"
#include "storage/file_system.h"
#include "storage/publication.h"

namespace strata::storage {

/// What is true of the whole file.
struct BlockFileHeader {
  kernels::RowLayout layout;
  int shard_bits = 10;  // 2^shard_bits shards; the top bits of h
  int first_shard = 0;  // rows of shards [first_shard, first_shard + shards)
  int shards = 1024;    //
  uint64_t step = 0;    // the cut the rows belong to
  uint64_t table = 0;   // XXH3-64 of the table's name
  bool operator==(const BlockFileHeader&) const = default;
};

/// Writes one block file into a part; memory is one block.
class BlockFileWriter {
 public:
  /// `part` outlives the writer.
  BlockFileWriter(PartWriter& part, const BlockFileHeader& header);

  /// Appends a row; h ascends strictly and lies in the header's shards; `row` has row_bytes.
  void append(uint64_t h, const std::byte* row);

  /// Writes the last block and the trailer. Call once; the part is then complete.
  void finish();

  int64_t rows() const { return rows_; }

 private:
  void flush();

  PartWriter& part_;
  BlockFileHeader header_;
  int block_rows_limit_;
  std::vector<uint64_t> keys_;
  std::vector<std::byte> payload_;
  int64_t rows_ = 0;
  int64_t blocks_ = 0;
  int shard_ = -1;
};

/// Rows of one block; valid until the next call of next().
struct RowBlock {
  int shard = 0;
  std::span<const uint64_t> keys;   // h, ascending
  std::span<const std::byte> rows;  // keys.size() * row_bytes
};

/// Reads a block file from its start; memory is one block. One thread at a time.
class BlockFileReader {
 public:
  /// Reads and checks the header. Throws Error{corrupt}, also for a newer version.
  explicit BlockFileReader(std::unique_ptr<ReadableFile> file);

  const BlockFileHeader& header() const { return header_; }
  const std::string& path() const { return file_->path(); }

  /// The next block, or false after the last, when the trailer agrees with what was read.
  bool next(RowBlock& out);

 private:
  struct BlockHead;
  [[noreturn]] void corrupt(const std::string& why) const;
  void check_head(const BlockHead& head) const;
  void check_keys(const BlockHead& head) const;
  void check_trailer() const;

  std::unique_ptr<ReadableFile> file_;
  BlockFileHeader header_;
  int64_t offset_ = 0;
  int64_t rows_ = 0;
  int64_t blocks_ = 0;
  uint64_t last_key_ = 0;
  std::vector<uint64_t> keys_;
  std::vector<std::byte> payload_;
};

/// "shards 0-255 are at step 900, the manifest says 1000", when the file's header can be read and
/// holds another step; else nothing.
std::optional<std::string> explain_step(const FileSystem& files, const std::string& name,
                                        uint64_t step);

/// The shard of h: its top bits.
constexpr int shard_of(uint64_t h, int shard_bits) {
  return shard_bits == 0 ? 0 : static_cast<int>(h >> (64 - shard_bits));
}

}  // namespace strata::storage
