#pragma once
// The only door to durable files. Everything lies under one root; a name is relative to it.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "storage/fail_point.h"

namespace strata::storage {

enum class EntryKind { kFile, kDirectory, kOther };  // kOther: symbolic links, devices, sockets

struct Entry {
  std::string name;  // without its directory
  EntryKind kind = EntryKind::kFile;
  int64_t bytes = 0;  // of a file; 0 otherwise
};

/// What a failed call says: which operation, where, why, and what to do about it.
/// `code` is an errno value. ENOENT gives Error{missing}, ELOOP Error{corrupt}, the rest Error{io}.
Error file_error(std::string_view operation, const std::string& path, int code);

/// A file being written from its start. One thread at a time.
class WritableFile {
 public:
  explicit WritableFile(std::string path) : path_(std::move(path)) {}
  virtual ~WritableFile() = default;
  WritableFile(const WritableFile&) = delete;
  WritableFile& operator=(const WritableFile&) = delete;

  /// One write(2): the number of bytes taken, possibly fewer than given, or -errno.
  virtual int64_t write_once(std::span<const std::byte> bytes) = 0;
  /// One fsync(2): 0 or -errno.
  virtual int sync_once() = 0;

  /// Writes all of `bytes`; short writes and interruptions are continued. Throws Error{io}.
  void append(std::span<const std::byte> bytes);

  const std::string& path() const { return path_; }  // for messages

 private:
  std::string path_;
};

/// A regular file opened for reading. Any number of threads may read.
class ReadableFile {
 public:
  ReadableFile(std::string path, int64_t bytes) : path_(std::move(path)), bytes_(bytes) {}
  virtual ~ReadableFile() = default;
  ReadableFile(const ReadableFile&) = delete;
  ReadableFile& operator=(const ReadableFile&) = delete;

  /// One pread(2): the number of bytes read, 0 at the end, or -errno.
  virtual int64_t read_once(int64_t offset, std::span<std::byte> out) const = 0;

  /// Fills `out`. Throws Error{corrupt} when the file ends before, Error{io} when reading fails.
  void read(int64_t offset, std::span<std::byte> out) const;

  int64_t bytes() const { return bytes_; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
  int64_t bytes_;
};

/// Files under one root directory.
///
/// Names are relative, of components joined by '/', without "", "." or ".."; "" is the root itself.
/// No component below the root may be a symbolic link and only regular files are opened
/// (Error{corrupt}). Calls that change what survives a crash take their DurableStep: the hook sees
/// the fail point before and after it; what they find gone is a failed write (Error{io}), not a
/// missing input. Thread-safe as far as the hook is.
class FileSystem {
 public:
  explicit FileSystem(std::string root) : root_(std::move(root)) {}
  virtual ~FileSystem() = default;
  FileSystem(const FileSystem&) = delete;
  FileSystem& operator=(const FileSystem&) = delete;

  /// Makes an empty file; an existing one of that name is Error{io}.
  std::unique_ptr<WritableFile> create(const std::string& name, DurableStep step);
  /// Makes a directory; its parent exists, it does not.
  void make_directory(const std::string& name, DurableStep step);
  /// Atomically gives `from` the name `to`; a file of that name is replaced.
  void rename(const std::string& from, const std::string& to, DurableStep step);
  /// Removes a file or an empty directory.
  void remove(const std::string& name, DurableStep step);
  /// Returns when the file's bytes are on the disk.
  void sync(WritableFile& file, DurableStep step);
  /// Returns when the names in the directory are on the disk.
  void sync_directory(const std::string& name, DurableStep step);

  std::unique_ptr<ReadableFile> open(const std::string& name) const;
  /// Entries of a directory in the order of their names.
  std::vector<Entry> list(const std::string& name) const;
  /// Bytes this process may still write under the root.
  virtual int64_t available_bytes() const = 0;

  const std::string& root() const { return root_; }
  std::string path(std::string_view name) const;  // for messages
  void set_hook(FailPointHook hook) { hook_ = std::move(hook); }

 protected:
  virtual std::unique_ptr<WritableFile> do_create(const std::string& name, DurableStep step) = 0;
  virtual void do_make_directory(const std::string& name, DurableStep step) = 0;
  virtual void do_rename(const std::string& from, const std::string& to, DurableStep step) = 0;
  virtual void do_remove(const std::string& name, DurableStep step) = 0;
  virtual void do_sync_directory(const std::string& name, DurableStep step) = 0;
  virtual std::unique_ptr<ReadableFile> do_open(const std::string& name) const = 0;
  virtual std::vector<Entry> do_list(const std::string& name) const = 0;

 private:
  void reach(DurableStep step, bool after) const;
  void change(DurableStep step, const std::function<void()>& body) const;

  std::string root_;
  FailPointHook hook_;
};

/// What to do when the root is not there.
enum class IfAbsent { kFail, kCreate };

/// The operating system's files. The root itself may be reached through symbolic links; it is
/// opened once. Throws Error{missing} (kFail) or Error{io}.
std::unique_ptr<FileSystem> open_file_system(const std::string& root, IfAbsent if_absent);

/// Throws CheckFailure unless `name` is "" or a clean relative name. Names that come from a file
/// are tested with is_clean_name first.
void check_name(std::string_view name);
bool is_clean_name(std::string_view name);

/// "directory/name"; `name` alone when the directory is "".
std::string join_name(std::string_view directory, std::string_view name);

/// `text` as one component of a name: letters, digits, '_', '-' and inner '.' stay, other bytes
/// become %XX; long texts are cut and end in their XXH3-64. Distinct texts give distinct names.
std::string encode_name(std::string_view text);

/// The entry of that name; nothing when it or a directory on its way is absent.
std::optional<Entry> find_entry(const FileSystem& files, const std::string& name);

/// The whole content of a file of at most `limit_bytes`; a longer one is Error{corrupt}.
std::string read_text(const FileSystem& files, const std::string& name, int64_t limit_bytes);

/// Removes a file, or a directory with everything in it; nothing happens when it is absent.
void remove_tree(FileSystem& files, const std::string& name, DurableStep step);

/// Names of all entries below `directory`, relative to it, directories first seen before their
/// content, in order. Symbolic links are listed and not followed.
std::vector<Entry> list_tree(const FileSystem& files, const std::string& directory);

/// Throws Error{io} with bytes needed and available when `needed` bytes will not fit.
void require_space(const FileSystem& files, int64_t needed, std::string_view what);

}  // namespace strata::storage
