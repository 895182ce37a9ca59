#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "embedding/collection.h"

namespace strata::train {

/// Thrown before rows are made that would not fit: nothing has changed, so the run can still save.
class MemoryLimitError : public Error {
 public:
  using Error::Error;
};

/// Memory this process may use at most on this machine: RAM, or the cgroup's limit below it.
/// Bytes; read from the system, falls back to sysconf.
int64_t machine_memory_bytes();

/// Physical memory this process uses now, in bytes.
int64_t resident_bytes();

/// Bytes that `limit` means: "80%" of `machine_bytes`, "16GiB", "512MiB", "64k", "1000000".
/// Throws Error{config} naming memory.limit when it is neither a share in (0, 100] nor a size > 0.
int64_t parse_memory_limit(std::string_view limit, int64_t machine_bytes);

/// Throws MemoryLimitError when the address space that is left to this process (ulimit -v) is less
/// than `bytes` and a reserve for one pass: some libraries do not survive a refused allocation.
/// Returns the bytes that are left beyond both; infinity where there is no limit.
double require_address_space(double bytes);

/// Watches the growth of tables. Before a batch's rows are made, what they can cost at most is
/// added to what the process uses; above the limit the batch is refused. The process is looked at
/// before every batch when less than 256 MiB are left, else after as much growth or 64 batches: of
/// what else grows, the limit is crossed by what one batch takes.
/// Not thread-safe.
class MemoryLimit {
 public:
  explicit MemoryLimit(int64_t limit_bytes) : limit_bytes_(limit_bytes) {}

  /// Throws MemoryLimitError when the process is above the limit before any row is made, with the
  /// smallest limit that leaves room for a pass.
  void check_setup() const;

  /// Throws MemoryLimitError naming the largest tables and the keys that would help, or before the
  /// first row as check_setup(); checks the address space too.
  void check(const embedding::Collection& collection, const embedding::KeyedBatch& keys);

  int64_t limit_bytes() const { return limit_bytes_; }

 private:
  int64_t limit_bytes_;
  double far_bytes_ = 0;  // that rows may take before the limit is near
  int checks_left_ = 0;   // until the process is looked at again
};

/// "1.5 GiB", "512 MiB", "17 B".
std::string format_bytes(int64_t bytes);

}  // namespace strata::train
