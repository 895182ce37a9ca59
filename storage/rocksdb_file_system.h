#pragma once
// The door through which all of RocksDB's file access goes: counted, faulted, written down.

#include <rocksdb/file_system.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "storage/ssd_faults.h"
#include "storage/ssd_sidecar.h"

namespace strata::storage {

/// Bytes that went through, rounded up by RocksDB to what direct I/O needs.
struct SsdTraffic {
  std::atomic<int64_t> bytes_read{0};
  std::atomic<int64_t> bytes_written{0};
};

/// rocksdb::FileSystem over the operating system's. Thread-safe; outlives its files.
class RocksDbFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  /// `sidecar` outlives it and records what happens to files of `directory`.
  RocksDbFileSystem(const std::string& directory, SsdSidecar& sidecar, SsdFaultHook hook);

  const SsdTraffic& traffic() const { return traffic_; }
  const char* Name() const override { return "StrataFileSystem"; }

  using IOStatus = rocksdb::IOStatus;
  using FileOptions = rocksdb::FileOptions;
  using IOOptions = rocksdb::IOOptions;
  using IODebugContext = rocksdb::IODebugContext;

  IOStatus NewSequentialFile(const std::string& path, const FileOptions& options,
                             std::unique_ptr<rocksdb::FSSequentialFile>* out,
                             IODebugContext* debug) override;
  IOStatus NewRandomAccessFile(const std::string& path, const FileOptions& options,
                               std::unique_ptr<rocksdb::FSRandomAccessFile>* out,
                               IODebugContext* debug) override;
  IOStatus NewWritableFile(const std::string& path, const FileOptions& options,
                           std::unique_ptr<rocksdb::FSWritableFile>* out,
                           IODebugContext* debug) override;
  IOStatus NewDirectory(const std::string& path, const IOOptions& options,
                        std::unique_ptr<rocksdb::FSDirectory>* out, IODebugContext* debug) override;
  IOStatus FileExists(const std::string& path, const IOOptions& options,
                      IODebugContext* debug) override;
  IOStatus GetChildren(const std::string& path, const IOOptions& options,
                       std::vector<std::string>* out, IODebugContext* debug) override;
  IOStatus GetFileSize(const std::string& path, const IOOptions& options, uint64_t* out,
                       IODebugContext* debug) override;
  IOStatus DeleteFile(const std::string& path, const IOOptions& options,
                      IODebugContext* debug) override;
  IOStatus Truncate(const std::string& path, size_t bytes, const IOOptions& options,
                    IODebugContext* debug) override;
  IOStatus CreateDirIfMissing(const std::string& path, const IOOptions& options,
                              IODebugContext* debug) override;
  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions& options,
                      IODebugContext* debug) override;
  IOStatus LinkFile(const std::string& from, const std::string& to, const IOOptions& options,
                    IODebugContext* debug) override;
  IOStatus LockFile(const std::string& path, const IOOptions& options, rocksdb::FileLock** out,
                    IODebugContext* debug) override;
  IOStatus ReopenWritableFile(const std::string& path, const FileOptions& options,
                              std::unique_ptr<rocksdb::FSWritableFile>* out,
                              IODebugContext* debug) override;

 private:
  friend class FileDoor;
  /// What the hook wants of the call: OK, or the error it is to end with. `written` <- how much of
  /// a failing write is to happen all the same.
  IOStatus enter(SsdCall call, const std::string& path, size_t bytes = 0,
                 int64_t* written = nullptr) const;
  /// The name of a file of the directory itself; "" elsewhere.
  std::string name_of(const std::string& path) const;
  /// Runs `note`, whose Error becomes a status.
  IOStatus keep(const std::function<void()>& note) const;
  /// Tells the sidecar of a complete file.
  IOStatus record(const std::string& path, const IOOptions& options, IODebugContext* debug);

  const std::string prefix_;
  SsdSidecar& sidecar_;
  const SsdFaultHook hook_;
  mutable SsdTraffic traffic_;
};

}  // namespace strata::storage
