#pragma once

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace strata::train {

/// A log file that is appended to. It holds nothing a run depends on, so a full disk does not end
/// the run: what could not be written is counted, and the first failure is told to the caller.
/// Not thread-safe.
class AppendFile {
 public:
  /// Opens or creates. Throws Error{io} naming the path.
  explicit AppendFile(std::string path);
  ~AppendFile();
  AppendFile(const AppendFile&) = delete;
  AppendFile& operator=(const AppendFile&) = delete;

  /// Appends and hands the bytes to the system. Returns a sentence at the first failure, else "".
  std::string write(std::string_view bytes);

  int64_t lost_writes() const { return lost_writes_; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  std::FILE* file_;
  int64_t lost_writes_ = 0;
};

}  // namespace strata::train
