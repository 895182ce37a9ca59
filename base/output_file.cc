#include "base/output_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <string>
#include <system_error>
#include <utility>

#include "base/error.h"

namespace strata {
namespace {

/// Where the links of `path` lead, whether or not there is something.
std::string follow_links(const std::string& path) {
  constexpr int kMaxLinks = 40;  // as the system allows
  std::filesystem::path target = path;
  std::error_code error;
  for (int links = 0; links < kMaxLinks; ++links) {
    const std::filesystem::path next = std::filesystem::read_symlink(target, error);
    if (error) break;
    target = target.parent_path() / next;
  }
  return target.string();
}

/// True for what exists and is neither a file nor a directory: devices, pipes, sockets.
bool is_special(const std::string& path) {
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return false;
  return !S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode);
}

}  // namespace

OutputFile::OutputFile(std::string path) : path_(std::move(path)) {
  if (is_special(path_)) {
    fd_ = Descriptor(::open(path_.c_str(), O_WRONLY | O_CLOEXEC));
    if (fd_.get() < 0) fail();
    return;
  }
  target_ = follow_links(path_);
  std::error_code error;
  if (std::filesystem::is_directory(target_, error)) {
    errno = EISDIR;
    fail();
  }
  // Of this process: two that write one file must not mix their rows.
  partial_ = target_ + ".partial-" + std::to_string(::getpid());
  const int flags = O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC;
  fd_ = Descriptor(::open(partial_.c_str(), flags, 0666));
  if (fd_.get() < 0) fail();
}

OutputFile::~OutputFile() {
  if (!finished_ && !partial_.empty()) ::unlink(partial_.c_str());
}

void OutputFile::write(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t done = ::write(fd_.get(), bytes.data(), bytes.size());
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) fail();
    bytes.remove_prefix(static_cast<size_t>(done));
  }
}

void OutputFile::finish() {
  if (!partial_.empty()) {
    if (::fsync(fd_.get()) != 0 || ::rename(partial_.c_str(), target_.c_str()) != 0) fail();
  }
  finished_ = true;
}

void OutputFile::fail() const {
  throw Error{ErrorCode::kIo, "cannot write {}: {}", path_, std::generic_category().message(errno)};
}

}  // namespace strata
