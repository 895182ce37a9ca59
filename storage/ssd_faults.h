#pragma once
// How a test makes RocksDB's files fail: a hook that sees every call before it is made.

#include <cstdint>
#include <functional>
#include <string_view>

namespace strata::storage {

enum class SsdCall {
  kOpen,    // a file or directory, for reading or writing
  kRead,    //
  kWrite,   //
  kSync,    // of a file or directory
  kClose,   // of a file that was written
  kRename,  // `path` is the new name
  kLink,    // the same
  kRemove,  // of a file or directory
  kMake,    // of a directory
  kLook,    // existence, size, list, lock
};

struct SsdFileCall {
  SsdCall call;
  std::string_view path;
  int64_t bytes = 0;  // of a read or write
};

struct SsdFault {
  int error = 0;              // errno the call ends with; 0: it is made
  int64_t bytes_written = 0;  // of a failing write: how much of it still happens
};

/// Called from RocksDB's threads and from those that read and write, several at the same time. To
/// delay a call, return late.
using SsdFaultHook = std::function<SsdFault(const SsdFileCall&)>;

}  // namespace strata::storage
