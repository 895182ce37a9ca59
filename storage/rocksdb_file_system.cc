#include "storage/rocksdb_file_system.h"

#include <cerrno>
#include <system_error>
#include <utility>

#include "base/error.h"

namespace strata::storage {

using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

/// What the wrappers of open files know: their path, and the file system behind it.
class FileDoor {
 public:
  FileDoor(RocksDbFileSystem& files, std::string path) : files_(files), path_(std::move(path)) {}

  IOStatus enter(SsdCall call, size_t bytes = 0, int64_t* written = nullptr) const {
    return files_.enter(call, path_, bytes, written);
  }
  void count_read(size_t bytes) const { files_.traffic_.bytes_read += static_cast<int64_t>(bytes); }
  void appended(const Slice& data) const {
    files_.traffic_.bytes_written += static_cast<int64_t>(data.size());
    files_.sidecar_.appended(name(), std::as_bytes(std::span(data.data(), data.size())));
  }
  void broke() const { files_.sidecar_.broke(name()); }
  /// The record of a MANIFEST is on the disk before RocksDB hears that the MANIFEST is.
  IOStatus synced() const {
    return files_.keep([&] { files_.sidecar_.synced(name()); });
  }
  IOStatus closed(const IOOptions& options, IODebugContext* debug) const {
    return files_.record(path_, options, debug);
  }

 private:
  std::string name() const { return files_.name_of(path_); }

  RocksDbFileSystem& files_;
  const std::string path_;
};

namespace {

IOStatus to_status(int error, const std::string& path) {
  const std::string why = std::generic_category().message(error);
  if (error == ENOENT) return IOStatus::PathNotFound(path, why);
  if (error != ENOSPC) return IOStatus::IOError(path, why);
  IOStatus full = IOStatus::NoSpace(path, why);
  full.SetRetryable(true);  // as RocksDB's own file system says it
  return full;
}

class RocksDbSequentialFile final : public rocksdb::FSSequentialFileOwnerWrapper {
 public:
  RocksDbSequentialFile(std::unique_ptr<rocksdb::FSSequentialFile>&& file, FileDoor door)
      : FSSequentialFileOwnerWrapper(std::move(file)), door_(std::move(door)) {}

  IOStatus Read(size_t n, const IOOptions& options, Slice* result, char* scratch,
                IODebugContext* debug) override {
    if (IOStatus fault = door_.enter(SsdCall::kRead, n); !fault.ok()) return fault;
    IOStatus status = target()->Read(n, options, result, scratch, debug);
    if (status.ok()) door_.count_read(result->size());
    return status;
  }

 private:
  FileDoor door_;
};

class RocksDbRandomAccessFile final : public rocksdb::FSRandomAccessFileOwnerWrapper {
 public:
  RocksDbRandomAccessFile(std::unique_ptr<rocksdb::FSRandomAccessFile>&& file, FileDoor door)
      : FSRandomAccessFileOwnerWrapper(std::move(file)), door_(std::move(door)) {}

  IOStatus Read(uint64_t offset, size_t n, const IOOptions& options, Slice* result, char* scratch,
                IODebugContext* debug) const override {
    if (IOStatus fault = door_.enter(SsdCall::kRead, n); !fault.ok()) return fault;
    IOStatus status = target()->Read(offset, n, options, result, scratch, debug);
    if (status.ok()) door_.count_read(result->size());
    return status;
  }
  IOStatus MultiRead(rocksdb::FSReadRequest* requests, size_t count, const IOOptions& options,
                     IODebugContext* debug) override {
    for (auto* request = requests; request != requests + count; ++request) {
      request->status =
          Read(request->offset, request->len, options, &request->result, request->scratch, debug);
    }
    return IOStatus::OK();
  }
  IOStatus Prefetch(uint64_t offset, size_t n, const IOOptions& options,
                    IODebugContext* debug) override {
    if (IOStatus fault = door_.enter(SsdCall::kRead, n); !fault.ok()) return fault;
    return target()->Prefetch(offset, n, options, debug);
  }

 private:
  FileDoor door_;
};

class RocksDbWritableFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  RocksDbWritableFile(std::unique_ptr<rocksdb::FSWritableFile>&& file, FileDoor door)
      : FSWritableFileOwnerWrapper(std::move(file)), door_(std::move(door)) {}

  IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* debug) override {
    return write(data, [&](const Slice& part) { return target()->Append(part, options, debug); });
  }
  IOStatus Append(const Slice& data, const IOOptions& options,
                  const rocksdb::DataVerificationInfo& /*checksum*/,
                  IODebugContext* debug) override {
    return Append(data, options, debug);
  }
  IOStatus PositionedAppend(const Slice& data, uint64_t offset, const IOOptions& options,
                            IODebugContext* debug) override {
    return write(data, [&](const Slice& part) {
      return target()->PositionedAppend(part, offset, options, debug);
    });
  }
  IOStatus PositionedAppend(const Slice& data, uint64_t offset, const IOOptions& options,
                            const rocksdb::DataVerificationInfo& /*checksum*/,
                            IODebugContext* debug) override {
    return PositionedAppend(data, offset, options, debug);
  }
  IOStatus Sync(const IOOptions& options, IODebugContext* debug) override {
    return sync([&] { return target()->Sync(options, debug); });
  }
  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    return sync([&] { return target()->Fsync(options, debug); });
  }
  IOStatus Close(const IOOptions& options, IODebugContext* debug) override {
    IOStatus fault = door_.enter(SsdCall::kClose);
    IOStatus status = target()->Close(options, debug);
    if (!fault.ok()) return fault;
    return status.ok() ? door_.closed(options, debug) : status;
  }

 private:
  template <class Write>
  IOStatus write(const Slice& data, Write&& call) {
    int64_t partly = 0;
    IOStatus status = door_.enter(SsdCall::kWrite, data.size(), &partly);
    if (status.ok()) {
      status = call(data);
    } else if (partly > 0) {
      call(Slice(data.data(), static_cast<size_t>(partly))).PermitUncheckedError();
    }
    if (status.ok()) {
      door_.appended(data);
    } else {
      door_.broke();
    }
    return status;
  }
  template <class Sync>
  IOStatus sync(Sync&& call) {
    IOStatus status = door_.enter(SsdCall::kSync);
    if (status.ok()) status = call();
    if (status.ok()) return door_.synced();
    door_.broke();
    return status;
  }

  FileDoor door_;
};

class RocksDbDirectory final : public rocksdb::FSDirectoryWrapper {
 public:
  RocksDbDirectory(std::unique_ptr<rocksdb::FSDirectory>&& directory, FileDoor door)
      : FSDirectoryWrapper(std::move(directory)), door_(std::move(door)) {}

  IOStatus Fsync(const IOOptions& options, IODebugContext* debug) override {
    if (IOStatus fault = door_.enter(SsdCall::kSync); !fault.ok()) return fault;
    return FSDirectoryWrapper::Fsync(options, debug);
  }
  IOStatus FsyncWithDirOptions(const IOOptions& options, IODebugContext* debug,
                               const rocksdb::DirFsyncOptions& what) override {
    if (IOStatus fault = door_.enter(SsdCall::kSync); !fault.ok()) return fault;
    return FSDirectoryWrapper::FsyncWithDirOptions(options, debug, what);
  }

 private:
  FileDoor door_;
};

/// Wraps what was opened.
template <class Wrapper, class File>
IOStatus wrap(IOStatus status, std::unique_ptr<File>& file, FileDoor door) {
  if (status.ok()) file = std::make_unique<Wrapper>(std::move(file), std::move(door));
  return status;
}

}  // namespace

RocksDbFileSystem::RocksDbFileSystem(const std::string& directory, SsdSidecar& sidecar,
                                     SsdFaultHook hook)
    : FileSystemWrapper(rocksdb::FileSystem::Default()),
      prefix_(directory + "/"),
      sidecar_(sidecar),
      hook_(std::move(hook)) {}

IOStatus RocksDbFileSystem::enter(SsdCall call, const std::string& path, size_t bytes,
                                  int64_t* written) const {
  if (!hook_) return IOStatus::OK();
  const SsdFault fault = hook_({.call = call, .path = path, .bytes = static_cast<int64_t>(bytes)});
  if (fault.error == 0) return IOStatus::OK();
  if (written != nullptr) *written = fault.bytes_written;
  return to_status(fault.error, path);
}

std::string RocksDbFileSystem::name_of(const std::string& path) const {
  if (!path.starts_with(prefix_)) return "";
  std::string name = path.substr(prefix_.size());
  return name.find('/') == name.npos ? name : "";
}

IOStatus RocksDbFileSystem::keep(const std::function<void()>& note) const {
  try {
    note();
    return IOStatus::OK();
  } catch (const Error& e) {
    // Most likely the disk is full: RocksDB tries again when it is not.
    IOStatus status = IOStatus::NoSpace(e.what());
    status.SetRetryable(true);
    return status;
  }
}

IOStatus RocksDbFileSystem::record(const std::string& path, const IOOptions& options,
                                   IODebugContext* debug) {
  const std::string name = name_of(path);
  if (!name.ends_with(".sst")) return IOStatus::OK();
  uint64_t bytes = 0;
  IOStatus status = target()->GetFileSize(path, options, &bytes, debug);
  if (status.ok()) sidecar_.closed(name, static_cast<int64_t>(bytes));
  return status;
}

IOStatus RocksDbFileSystem::NewSequentialFile(const std::string& path, const FileOptions& options,
                                              std::unique_ptr<rocksdb::FSSequentialFile>* out,
                                              IODebugContext* debug) {
  if (IOStatus fault = enter(SsdCall::kOpen, path); !fault.ok()) return fault;
  return wrap<RocksDbSequentialFile>(target()->NewSequentialFile(path, options, out, debug), *out,
                                     {*this, path});
}

IOStatus RocksDbFileSystem::NewRandomAccessFile(const std::string& path, const FileOptions& options,
                                                std::unique_ptr<rocksdb::FSRandomAccessFile>* out,
                                                IODebugContext* debug) {
  if (IOStatus fault = enter(SsdCall::kOpen, path); !fault.ok()) return fault;
  return wrap<RocksDbRandomAccessFile>(target()->NewRandomAccessFile(path, options, out, debug),
                                       *out, {*this, path});
}

IOStatus RocksDbFileSystem::NewWritableFile(const std::string& path, const FileOptions& options,
                                            std::unique_ptr<rocksdb::FSWritableFile>* out,
                                            IODebugContext* debug) {
  if (IOStatus fault = enter(SsdCall::kOpen, path); !fault.ok()) return fault;
  return wrap<RocksDbWritableFile>(target()->NewWritableFile(path, options, out, debug), *out,
                                   {*this, path});
}

IOStatus RocksDbFileSystem::ReopenWritableFile(const std::string& path, const FileOptions& options,
                                               std::unique_ptr<rocksdb::FSWritableFile>* out,
                                               IODebugContext* debug) {
  if (IOStatus fault = enter(SsdCall::kOpen, path); !fault.ok()) return fault;
  return wrap<RocksDbWritableFile>(target()->ReopenWritableFile(path, options, out, debug), *out,
                                   {*this, path});
}

IOStatus RocksDbFileSystem::NewDirectory(const std::string& path, const IOOptions& options,
                                         std::unique_ptr<rocksdb::FSDirectory>* out,
                                         IODebugContext* debug) {
  if (IOStatus fault = enter(SsdCall::kOpen, path); !fault.ok()) return fault;
  return wrap<RocksDbDirectory>(target()->NewDirectory(path, options, out, debug), *out,
                                {*this, path});
}

IOStatus RocksDbFileSystem::FileExists(const std::string& path, const IOOptions& options,
                                       IODebugContext* debug) {
  if (IOStatus fault = enter(SsdCall::kLook, path); !fault.ok()) return fault;
  return target()->FileExists(path, options, debug);
}

IOStatus RocksDbFileSystem::GetChildren(const std::string& path, const IOOptions& options,
                                        std::vector<std::string>* out, IODebugContext* debug) {
  if (IOStatus fault = enter(SsdCall::kLook, path); !fault.ok()) return fault;
  return target()->GetChildren(path, options, out, debug);
}

IOStatus RocksDbFileSystem::GetFileSize(const std::string& path, const IOOptions& options,
                                        uint64_t* out, IODebugContext* debug) {
  if (IOStatus fault = enter(SsdCall::kLook, path); !fault.ok()) return fault;
  return target()->GetFileSize(path, options, out, debug);
}

IOStatus RocksDbFileSystem::DeleteFile(const std::string& path, const IOOptions& options,
                                       IODebugContext* debug) {
  if (IOStatus fault = enter(SsdCall::kRemove, path); !fault.ok()) return fault;
  const IOStatus kept = keep([&] { sidecar_.removing(name_of(path)); });
  return kept.ok() ? target()->DeleteFile(path, options, debug) : kept;
}

IOStatus RocksDbFileSystem::Truncate(const std::string& path, size_t bytes,
                                     const IOOptions& options, IODebugContext* debug) {
  if (IOStatus fault = enter(SsdCall::kWrite, path); !fault.ok()) return fault;
  return target()->Truncate(path, bytes, options, debug);
}

IOStatus RocksDbFileSystem::CreateDirIfMissing(const std::string& path, const IOOptions& options,
                                               IODebugContext* debug) {
  if (IOStatus fault = enter(SsdCall::kMake, path); !fault.ok()) return fault;
  return target()->CreateDirIfMissing(path, options, debug);
}

IOStatus RocksDbFileSystem::RenameFile(const std::string& from, const std::string& to,
                                       const IOOptions& options, IODebugContext* debug) {
  if (IOStatus fault = enter(SsdCall::kRename, to); !fault.ok()) return fault;
  return target()->RenameFile(from, to, options, debug);
}

IOStatus RocksDbFileSystem::LinkFile(const std::string& from, const std::string& to,
                                     const IOOptions& options, IODebugContext* debug) {
  if (IOStatus fault = enter(SsdCall::kLink, to); !fault.ok()) return fault;
  IOStatus status = target()->LinkFile(from, to, options, debug);
  return status.ok() ? record(to, options, debug) : status;
}

IOStatus RocksDbFileSystem::LockFile(const std::string& path, const IOOptions& options,
                                     rocksdb::FileLock** out, IODebugContext* debug) {
  if (IOStatus fault = enter(SsdCall::kLook, path); !fault.ok()) return fault;
  return target()->LockFile(path, options, out, debug);
}

}  // namespace strata::storage
