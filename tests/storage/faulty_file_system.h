#pragma once
// A decorator that makes the i-th file-system call fail, or the process die at a fail point.

#include <cstdint>
#include <optional>
#include <stdexcept>

#include "storage/file_system.h"

namespace strata::storage {

/// What happens at the chosen call.
enum class Fault {
  kNone,
  kIoError,     // EIO
  kNoSpace,     // half of the bytes are written, then ENOSPC, now and for every later write
  kShortWrite,  // half of the bytes are written; no error
  kInterrupt,   // EINTR, once
};

/// Thrown where the process would have died. Not an Error: nothing may catch and go on.
struct SimulatedCrash : std::runtime_error {
  SimulatedCrash() : std::runtime_error("simulated crash") {}
};

/// Passes calls on to `inner` and counts them; call number `at` (from 1) meets the fault. After a
/// crash every call throws SimulatedCrash, so that clean-up code finds no disk either.
class FaultyFileSystem final : public FileSystem {
 public:
  explicit FaultyFileSystem(FileSystem& inner) : FileSystem(inner.root()), inner_(inner) {}

  void fail_at(int64_t at, Fault fault) { at_ = at, fault_ = fault, calls_ = 0, full_ = false; }
  void crash_at(FailPoint point);
  int64_t calls() const { return calls_; }
  bool crashed() const { return crashed_; }

  /// Counts one call; the fault to apply to it.
  Fault next_call() const;
  bool full() const { return full_; }
  void set_full() { full_ = true; }

  int64_t available_bytes() const override { return inner_.available_bytes(); }

 protected:
  std::unique_ptr<WritableFile> do_create(const std::string& name, DurableStep step) override;
  void do_make_directory(const std::string& name, DurableStep step) override;
  void do_rename(const std::string& from, const std::string& to, DurableStep step) override;
  void do_remove(const std::string& name, DurableStep step) override;
  void do_sync_directory(const std::string& name, DurableStep step) override;
  std::unique_ptr<ReadableFile> do_open(const std::string& name) const override;
  std::vector<Entry> do_list(const std::string& name) const override;

 private:
  void enter(const std::string& name, bool writes) const;

  FileSystem& inner_;
  int64_t at_ = 0;
  Fault fault_ = Fault::kNone;
  mutable int64_t calls_ = 0;
  bool full_ = false;
  mutable bool crashed_ = false;
};

}  // namespace strata::storage
