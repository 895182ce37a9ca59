#pragma once
// Files that commands write: complete or not there.

#include <fstream>
#include <string>

namespace strata::cli {

/// Writes `path` through a temporary file beside it, which takes its name in commit(). Destroyed
/// before that, nothing remains. An existing file is replaced.
class OutputFile {
 public:
  /// Throws Error{io}.
  explicit OutputFile(const std::string& path);
  ~OutputFile();
  OutputFile(const OutputFile&) = delete;
  OutputFile& operator=(const OutputFile&) = delete;

  std::ostream& stream() { return out_; }
  /// Throws Error{io} when something did not arrive.
  void commit();

 private:
  std::string path_;
  std::string partial_;
  std::ofstream out_;
  bool committed_ = false;
};

}  // namespace strata::cli
