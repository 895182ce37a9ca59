#include "base/folder_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "base/error.h"

namespace strata {

FolderLock::FolderLock(const std::string& folder, std::string_view use)
    : fd_(::open((folder + "/.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644)) {
  if (fd_.get() < 0) {
    throw Error{ErrorCode::kIo, "cannot write into {}: {}", folder,
                std::generic_category().message(errno)};
  }
  if (::flock(fd_.get(), LOCK_EX | LOCK_NB) == 0) return;
  throw Error{ErrorCode::kIo, "{} is in use by another process: {}", folder, use};
}

}  // namespace strata
