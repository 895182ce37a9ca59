#pragma once

#include <string>
#include <string_view>

namespace strata {

/// Holds `folder` for one process at a time, through the file .lock in it; the system lets go when
/// the process ends, however it ends. The file stays.
class FolderLock {
 public:
  /// Throws Error{io} when another process holds the folder ("runs/x is in use by another process:
  /// <use>") or the file cannot be made.
  FolderLock(const std::string& folder, std::string_view use);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  int fd_ = -1;
};

}  // namespace strata
