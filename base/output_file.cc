#include "base/output_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <system_error>
#include <utility>

#include "base/error.h"

namespace strata {

OutputFile::OutputFile(std::string path) : path_(std::move(path)), partial_(path_ + ".partial") {
  fd_ = ::open(partial_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (fd_ < 0) fail();
}

OutputFile::~OutputFile() {
  ::close(fd_);
  if (!finished_) ::unlink(partial_.c_str());
}

void OutputFile::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t done = ::write(fd_, bytes.data(), bytes.size());
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) fail();
    bytes.remove_prefix(static_cast<size_t>(done));
  }
}

void OutputFile::finish() {
  if (::fsync(fd_) != 0 || ::rename(partial_.c_str(), path_.c_str()) != 0) fail();
  finished_ = true;
}

void OutputFile::fail() const {
  throw Error{ErrorCode::kIo, "cannot write {}: {}", path_, std::generic_category().message(errno)};
}

}  // namespace strata
