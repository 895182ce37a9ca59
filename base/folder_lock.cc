#include "base/folder_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "base/error.h"

namespace strata {

FolderLock::FolderLock(const std::string& folder, std::string_view use) {
  fd_ = ::open((folder + "/.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (fd_ < 0) {
    throw Error{ErrorCode::kIo, "cannot write into {}: {}", folder,
                std::generic_category().message(errno)};
  }
  if (::flock(fd_, LOCK_EX | LOCK_NB) == 0) return;
  ::close(fd_);
  throw Error{ErrorCode::kIo, "{} is in use by another process: {}", folder, use};
}

FolderLock::~FolderLock() { ::close(fd_); }

}  // namespace strata
