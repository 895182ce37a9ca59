// FileSystem over the operating system. The only file of the tree that calls rename and fsync.

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <utility>

#include <dirent.h>

#include "base/descriptor.h"
#include "storage/file_system.h"

namespace strata::storage {
namespace {

/// Repeats a call that a signal interrupted.
template <class Call>
auto uninterrupted(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

class PosixWritableFile final : public WritableFile {
 public:
  PosixWritableFile(std::string path, Descriptor fd)
      : WritableFile(std::move(path)), fd_(std::move(fd)) {}
  int64_t write_once(std::span<const std::byte> bytes) override {
    const ssize_t n = ::write(fd_.get(), bytes.data(), bytes.size());
    return n < 0 ? -errno : n;
  }
  int sync_once() override { return ::fsync(fd_.get()) < 0 ? -errno : 0; }

 private:
  Descriptor fd_;
};

class PosixReadableFile final : public ReadableFile {
 public:
  PosixReadableFile(std::string path, int64_t bytes, Descriptor fd)
      : ReadableFile(std::move(path), bytes), fd_(std::move(fd)) {}
  int64_t read_once(int64_t offset, std::span<std::byte> out) const override {
    const ssize_t n = ::pread(fd_.get(), out.data(), out.size(), offset);
    return n < 0 ? -errno : n;
  }

 private:
  Descriptor fd_;
};

constexpr int kDirectoryFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

class PosixFileSystem final : public FileSystem {
 public:
  PosixFileSystem(std::string root, Descriptor fd)
      : FileSystem(std::move(root)), root_fd_(std::move(fd)) {}

  int64_t available_bytes() const override {
    struct statvfs info {};
    if (uninterrupted([&] { return ::fstatvfs(root_fd_.get(), &info); }) < 0) {
      throw file_error("read the free space of", root(), errno);
    }
    return static_cast<int64_t>(info.f_bavail) * static_cast<int64_t>(info.f_frsize);
  }

 protected:
  std::unique_ptr<WritableFile> do_create(const std::string& name, DurableStep) override {
    const auto [directory, leaf] = parent_of(name, "create");
    const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    Descriptor fd(
        uninterrupted([&] { return ::openat(directory.get(), leaf.c_str(), flags, 0644); }));
    if (fd.get() < 0) throw file_error("create", path(name), errno);
    return std::make_unique<PosixWritableFile>(path(name), std::move(fd));
  }

  void do_make_directory(const std::string& name, DurableStep) override {
    const auto [directory, leaf] = parent_of(name, "create");
    if (uninterrupted([&] { return ::mkdirat(directory.get(), leaf.c_str(), 0755); }) < 0) {
      throw file_error("create", path(name), errno);
    }
  }

  void do_rename(const std::string& from, const std::string& to, DurableStep) override {
    const auto [old_directory, old_leaf] = parent_of(from, "rename");
    const auto [new_directory, new_leaf] = parent_of(to, "rename to");
    const int status = uninterrupted([&] {
      return ::renameat(old_directory.get(), old_leaf.c_str(), new_directory.get(),
                        new_leaf.c_str());
    });
    if (status < 0) throw file_error("rename to", path(to), errno);
  }

  void do_remove(const std::string& name, DurableStep) override {
    const auto [directory, leaf] = parent_of(name, "remove");
    if (uninterrupted([&] { return ::unlinkat(directory.get(), leaf.c_str(), 0); }) == 0) return;
    if (errno != EISDIR && errno != EPERM) throw file_error("remove", path(name), errno);
    if (uninterrupted([&] { return ::unlinkat(directory.get(), leaf.c_str(), AT_REMOVEDIR); }) <
        0) {
      throw file_error("remove", path(name), errno);
    }
  }

  void do_sync_directory(const std::string& name, DurableStep) override {
    const Descriptor directory = open_directory(name, "open");
    if (uninterrupted([&] { return ::fsync(directory.get()); }) < 0) {
      throw file_error("write to disk", path(name), errno);
    }
  }

  std::unique_ptr<ReadableFile> do_open(const std::string& name) const override {
    const auto [directory, leaf] = parent_of(name, "open");
    // O_NONBLOCK: a FIFO in place of a file is refused below instead of waited for.
    const int flags = O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
    Descriptor fd(uninterrupted([&] { return ::openat(directory.get(), leaf.c_str(), flags); }));
    if (fd.get() < 0) throw file_error("open", path(name), errno);
    struct stat info {};
    if (::fstat(fd.get(), &info) < 0) throw file_error("open", path(name), errno);
    if (!S_ISREG(info.st_mode)) {
      throw Error(ErrorCode::kCorrupt, "{} is not a regular file", path(name));
    }
    return std::make_unique<PosixReadableFile>(path(name), info.st_size, std::move(fd));
  }

  std::vector<Entry> do_list(const std::string& name) const override {
    Descriptor fd = open_directory(name, "list");
    const std::unique_ptr<DIR, int (*)(DIR*)> stream(::fdopendir(fd.get()), &::closedir);
    if (!stream) throw file_error("list", path(name), errno);
    const int directory = fd.release();  // the stream owns it
    std::vector<Entry> entries;
    while (true) {
      errno = 0;
      const dirent* found = ::readdir(stream.get());
      if (found == nullptr) break;
      const std::string leaf = found->d_name;
      if (leaf == "." || leaf == "..") continue;
      struct stat info {};
      if (::fstatat(directory, leaf.c_str(), &info, AT_SYMLINK_NOFOLLOW) < 0) {
        if (errno == ENOENT) continue;  // removed since
        throw file_error("list", path(name) + "/" + leaf, errno);
      }
      entries.push_back(describe(leaf, info));
    }
    if (errno != 0) throw file_error("list", path(name), errno);
    std::ranges::sort(entries, {}, &Entry::name);
    return entries;
  }

 private:
  static Entry describe(const std::string& leaf, const struct stat& info) {
    if (S_ISREG(info.st_mode)) return {leaf, EntryKind::kFile, info.st_size};
    return {leaf, S_ISDIR(info.st_mode) ? EntryKind::kDirectory : EntryKind::kOther, 0};
  }

  /// Walks from the root, one component at a time, through directories only.
  Descriptor open_directory(std::string_view name, const char* operation) const {
    const std::string_view whole = name;
    Descriptor fd(uninterrupted([&] { return ::openat(root_fd_.get(), ".", kDirectoryFlags); }));
    if (fd.get() < 0) throw file_error(operation, root(), errno);
    while (!name.empty()) {
      const std::string part(name.substr(0, name.find('/')));
      name.remove_prefix(std::min(name.size(), part.size() + 1));
      const int next =
          uninterrupted([&] { return ::openat(fd.get(), part.c_str(), kDirectoryFlags); });
      const int code = errno;
      fd = Descriptor(next);
      if (next >= 0) continue;
      if (code == ELOOP || code == ENOTDIR) {
        throw Error(ErrorCode::kCorrupt, "cannot {} below {}: '{}' is not a directory", operation,
                    root(), part);
      }
      throw file_error(operation, path(whole), code);
    }
    return fd;
  }

  std::pair<Descriptor, std::string> parent_of(const std::string& name,
                                               const char* operation) const {
    const size_t slash = name.rfind('/');
    if (slash == name.npos) return {open_directory("", operation), name};
    return {open_directory(std::string_view(name).substr(0, slash), operation),
            name.substr(slash + 1)};
  }

  Descriptor root_fd_;
};

}  // namespace

std::unique_ptr<FileSystem> open_file_system(const std::string& root, IfAbsent if_absent) {
  if (if_absent == IfAbsent::kCreate) {
    std::error_code failed;
    std::filesystem::create_directories(root, failed);
    if (failed) throw file_error("create", root, failed.value());
  }
  const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
  Descriptor fd(uninterrupted([&] { return ::open(root.c_str(), flags); }));
  if (fd.get() < 0) throw file_error("open", root, errno);
  return std::make_unique<PosixFileSystem>(root, std::move(fd));
}

}  // namespace strata::storage
