#pragma once
// Files that commands write for their user: complete under their name, or not there. What the
// engine must find again after a crash goes through storage/file_system.h instead.

#include <string>
#include <string_view>

#include "base/descriptor.h"

namespace strata {

/// Writes `path` under a temporary name beside it; finish() makes it durable and gives it its name,
/// replacing a file that is there. Destroyed before that, nothing remains. A symbolic link stays,
/// its target is what is replaced. A device or pipe (/dev/stdout) is written into as it is, never
/// replaced. Not thread-safe.
class OutputFile {
 public:
  /// Throws Error{io} naming the path; a directory is refused here, before any work is done.
  explicit OutputFile(std::string path);
  ~OutputFile();

  void write(std::string_view bytes);
  void finish();

 private:
  [[noreturn]] void fail() const;

  std::string path_;     // as the user wrote it, for messages
  std::string target_;   // links followed
  std::string partial_;  // empty: written in place
  Descriptor fd_;
  bool finished_ = false;
};

}  // namespace strata
