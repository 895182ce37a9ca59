#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace strata::data {

/// A run of whole lines of one input: the unit of permutation.
struct Block {
  int32_t file = 0;        // index into the file list
  bool overlong = false;   // one line longer than kMaxLineBytes; its text is never read
  int64_t offset = 0;      // of its text in the (decompressed) file
  int64_t bytes = 0;       // of its text, line ends included; at most, where text is generated
  int64_t lines = 0;       // >= 1
  int64_t first_line = 0;  // number of its first line in its file, from 1
  int64_t first_row = 0;   // lines of all blocks before it: the row number of its first line
};

/// A longer line is a bad row whatever it holds.
inline constexpr int64_t kMaxLineBytes = 1 << 20;

/// Text in blocks. Files are one implementation; a generator of text is another.
/// blocks() never changes. read() is called by one thread at a time.
class BlockSource {
 public:
  virtual ~BlockSource() = default;

  /// All blocks, file by file, in file order.
  virtual std::span<const Block> blocks() const = 0;

  /// Name of a file for messages.
  virtual const std::string& file_name(int file) const = 0;

  /// True where blocks of `file` can only be had in order: the file is then permuted as a whole.
  virtual bool in_order_only(int file) const = 0;

  /// Copies the text of blocks()[block] to out[0 … bytes) and returns how many bytes it has.
  /// Throws Error{data, missing, io}.
  virtual int64_t read(int64_t block, char* out) = 0;

  /// Digest of names, sizes and lines (Reader::input_digest).
  virtual uint64_t digest() const = 0;
};

}  // namespace strata::data
