#pragma once

#include <memory>
#include <string>
#include <string_view>

namespace strata::data {

/// Writes a text file, compressed when its name ends in .gz or .zst. The file appears under its
/// name only when finish() has returned; without it, nothing is left behind.
class TextWriter {
 public:
  virtual ~TextWriter() = default;
  /// Throws Error{io} naming the path.
  virtual void write(std::string_view text) = 0;
  /// Flushes, syncs and renames into place. Called once, last.
  virtual void finish() = 0;
};

/// Throws Error{io} when the folder cannot be written, Error{usage} when the file exists.
std::unique_ptr<TextWriter> create_text(const std::string& path);

}  // namespace strata::data
