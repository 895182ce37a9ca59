#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/descriptor.h"

namespace strata::data {

/// Paths and globs as a list of existing regular files; those that ship with Strata are found from
/// any folder (base/shipped.h). A glob's matches are in natural order
/// (part-2 before part-10); patterns keep their order. Throws Error{missing} naming the pattern
/// that matches nothing, Error{config} for a directory or an empty list.
std::vector<std::string> expand_inputs(std::span<const std::string> patterns);

/// Whether `a` comes before `b`: digit runs compare as numbers, all else byte by byte.
bool natural_less(const std::string& a, const std::string& b);

/// A file open for positioned reads; never mapped, so a file that shrinks is an error, not SIGBUS.
/// Const members may be used from any thread.
class InputFile {
 public:
  /// Throws Error{missing} or Error{io} naming the path.
  explicit InputFile(std::string path);

  const std::string& path() const { return path_; }
  /// Size now, from the file system.
  int64_t bytes() const;
  /// Reads up to `bytes` at `offset`; less only at the end of the file.
  int64_t read_at(int64_t offset, char* out, int64_t bytes) const;
  /// First offset at or after `offset` that is not inside a hole (all zeros, not stored); the size
  /// of the file when there is none.
  int64_t end_of_hole(int64_t offset) const;

 private:
  std::string path_;
  Descriptor fd_;
};

enum class Compression { kNone, kGzip, kZstd };

/// By the first bytes of the file. Throws Error{data} where a name ending in .gz or .zst lies, and
/// for formats that are not read (bzip2, xz, zip, Parquet), with the command that converts them.
Compression detect_compression(const InputFile& file);

/// How many times its size a compressed file may expand to before it is refused
/// (data.max_expansion).
inline constexpr double kMaxExpansion = 100;
/// Text that any file may expand to: what is small harms nobody.
inline constexpr int64_t kFreeExpansionBytes = 16 << 20;

/// The text of a file from its beginning, decompressed on the way in constant memory.
class TextStream {
 public:
  virtual ~TextStream() = default;
  /// Fills `out` as far as the text goes: a shorter count means its end. Throws Error{data}
  /// naming the file when compressed data are damaged or cut off, or expand beyond the limit.
  virtual int64_t read(std::span<char> out) = 0;
  /// Passes over zero bytes that need no reading to be known (a hole of a sparse file). Returns how
  /// many; 0 where nothing is known.
  virtual int64_t skip_hole() { return 0; }
};

/// Concatenated gzip members and zstd frames are read as one text.
std::unique_ptr<TextStream> open_text(const std::string& path,
                                      double max_expansion = kMaxExpansion);

}  // namespace strata::data
