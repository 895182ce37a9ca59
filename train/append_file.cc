#include "train/append_file.h"

#include <cerrno>
#include <cstring>

#include "base/error.h"

namespace strata::train {

AppendFile::AppendFile(std::string path)
    : path_(std::move(path)), file_(std::fopen(path_.c_str(), "ae")) {
  if (file_ == nullptr) {
    throw Error{ErrorCode::kIo, "cannot write {}: {}", path_, std::strerror(errno)};
  }
}

AppendFile::~AppendFile() { std::fclose(file_); }

std::string AppendFile::write(std::string_view bytes) {
  const bool written = std::fwrite(bytes.data(), 1, bytes.size(), file_) == bytes.size();
  if (written && std::fflush(file_) == 0) return {};
  const int reason = errno;
  std::clearerr(file_);
  if (lost_writes_++ > 0) return {};
  return fmt::format("{}: {}; training goes on, lines of this file are being lost", path_,
                     std::strerror(reason));
}

}  // namespace strata::train
