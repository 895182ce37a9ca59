#pragma once

#include <string>
#include <string_view>

#include "base/descriptor.h"

namespace strata {

/// Holds `folder` for one process at a time, through the file .lock in it; the system lets go when
/// the process ends, however it ends. The file stays.
class FolderLock {
 public:
  /// Throws Error{io} when another process holds the folder ("runs/x is in use by another process:
  /// <use>") or the file cannot be made.
  FolderLock(const std::string& folder, std::string_view use);

 private:
  Descriptor fd_;
};

}  // namespace strata
