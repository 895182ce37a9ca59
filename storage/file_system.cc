#include "storage/file_system.h"

#include <xxhash.h>

#include <cerrno>
#include <cstring>

#include "base/check.h"

namespace strata::storage {
namespace {

std::string_view remedy(int code) {
  switch (code) {
    case ENOSPC:
    case EDQUOT:
      return "; free some space or choose a folder on another disk";
    case EACCES:
    case EPERM:
      return "; check the owner and the permissions of the folder";
    case EROFS:
      return "; the file system is mounted read-only: choose another folder";
    case EMFILE:
    case ENFILE:
      return "; raise the limit of open files (ulimit -n)";
    case EIO:
      return "; the device reports an error: look at the system log, then try another disk";
    case EEXIST:
      return "; remove it or choose another folder";
    default:
      return "";
  }
}

}  // namespace

Error file_error(std::string_view operation, const std::string& path, int code) {
  if (code == ENOENT) return Error(ErrorCode::kMissing, "cannot {} {}: not found", operation, path);
  if (code == ELOOP) {
    return Error(ErrorCode::kCorrupt, "cannot {} {}: a symbolic link, which is not followed",
                 operation, path);
  }
  return Error(ErrorCode::kIo, "cannot {} {}: {}{}", operation, path, std::strerror(code),
               remedy(code));
}

void WritableFile::append(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const int64_t written = write_once(bytes);
    if (written == -EINTR) continue;
    if (written < 0) throw file_error("write", path_, static_cast<int>(-written));
    if (written == 0) throw file_error("write", path_, EIO);  // no progress is no success
    STRATA_CHECK(static_cast<size_t>(written) <= bytes.size(), "bytes written", written);
    bytes = bytes.subspan(static_cast<size_t>(written));
  }
}

void ReadableFile::read(int64_t offset, std::span<std::byte> out) const {
  while (!out.empty()) {
    const int64_t got = read_once(offset, out);
    if (got == -EINTR) continue;
    if (got < 0) throw file_error("read", path_, static_cast<int>(-got));
    if (got == 0) throw Error(ErrorCode::kCorrupt, "{} ends after {} bytes", path_, offset);
    STRATA_CHECK(static_cast<size_t>(got) <= out.size(), "bytes read", got);
    offset += got;
    out = out.subspan(static_cast<size_t>(got));
  }
}

void FileSystem::reach(DurableStep step, bool after) const {
  if (hook_) hook_({.step = step, .after = after});
}

void FileSystem::change(DurableStep step, const std::function<void()>& body) const {
  reach(step, false);
  try {
    body();
  } catch (const Error& e) {
    if (e.code() != ErrorCode::kMissing) throw;
    throw Error(ErrorCode::kIo, "{}; the folder was removed or renamed while it was written to",
                e.what());
  }
  reach(step, true);
}

std::unique_ptr<WritableFile> FileSystem::create(const std::string& name, DurableStep step) {
  check_name(name);
  std::unique_ptr<WritableFile> file;
  change(step, [&] { file = do_create(name, step); });
  return file;
}

void FileSystem::make_directory(const std::string& name, DurableStep step) {
  check_name(name);
  change(step, [&] { do_make_directory(name, step); });
}

void FileSystem::rename(const std::string& from, const std::string& to, DurableStep step) {
  check_name(from);
  check_name(to);
  change(step, [&] { do_rename(from, to, step); });
}

void FileSystem::remove(const std::string& name, DurableStep step) {
  check_name(name);
  change(step, [&] { do_remove(name, step); });
}

void FileSystem::sync(WritableFile& file, DurableStep step) {
  change(step, [&] {
    int status = -EINTR;
    while (status == -EINTR) status = file.sync_once();
    if (status < 0) throw file_error("write to disk", file.path(), -status);
  });
}

void FileSystem::sync_directory(const std::string& name, DurableStep step) {
  check_name(name);
  change(step, [&] { do_sync_directory(name, step); });
}

std::unique_ptr<ReadableFile> FileSystem::open(const std::string& name) const {
  check_name(name);
  return do_open(name);
}

std::vector<Entry> FileSystem::list(const std::string& name) const {
  check_name(name);
  return do_list(name);
}

std::string FileSystem::path(std::string_view name) const {
  return name.empty() ? root_ : fmt::format("{}/{}", root_, name);
}

bool is_clean_name(std::string_view name) {
  if (name.empty() || name.size() > 1024 || name.find('\0') != name.npos) return false;
  while (true) {
    const std::string_view part = name.substr(0, name.find('/'));
    if (part.empty() || part == "." || part == ".." || part.size() > 255) return false;
    if (part.size() == name.size()) return true;
    name.remove_prefix(part.size() + 1);
  }
}

std::string join_name(std::string_view directory, std::string_view name) {
  return directory.empty() ? std::string(name) : fmt::format("{}/{}", directory, name);
}

std::string encode_name(std::string_view text) {
  constexpr size_t kLimit = 160;
  std::string name;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
    const bool plain = letter || c == '_' || c == '-' || (c == '.' && !name.empty());
    name += plain ? std::string(1, c) : fmt::format("%{:02X}", byte);
  }
  if (name.empty()) return "%";
  if (name.size() <= kLimit) return name;
  return fmt::format("{}%{:016x}", name.substr(0, kLimit), XXH3_64bits(text.data(), text.size()));
}

void check_name(std::string_view name) {
  STRATA_CHECK(name.empty() || is_clean_name(name), "file name", name);
}

std::optional<Entry> find_entry(const FileSystem& files, const std::string& name) {
  const size_t slash = name.rfind('/');
  const std::string directory = slash == name.npos ? "" : name.substr(0, slash);
  if (!directory.empty()) {
    const auto parent = find_entry(files, directory);
    if (!parent || parent->kind != EntryKind::kDirectory) return std::nullopt;
  }
  const std::string leaf = slash == name.npos ? name : name.substr(slash + 1);
  for (Entry& entry : files.list(directory)) {
    if (entry.name == leaf) return std::move(entry);
  }
  return std::nullopt;
}

std::string read_text(const FileSystem& files, const std::string& name, int64_t limit_bytes) {
  const auto file = files.open(name);
  if (file->bytes() > limit_bytes) {
    throw Error(ErrorCode::kCorrupt, "{} has {} bytes; the limit is {}", file->path(),
                file->bytes(), limit_bytes);
  }
  std::string text(static_cast<size_t>(file->bytes()), '\0');
  file->read(0, std::as_writable_bytes(std::span(text)));
  return text;
}

std::vector<Entry> list_tree(const FileSystem& files, const std::string& directory) {
  std::vector<Entry> found = files.list(directory);
  for (size_t i = 0; i < found.size(); ++i) {
    if (found[i].kind != EntryKind::kDirectory) continue;
    const std::string prefix = found[i].name;
    for (Entry& below : files.list(join_name(directory, prefix))) {
      below.name = join_name(prefix, below.name);
      found.push_back(std::move(below));
    }
  }
  return found;
}

void remove_tree(FileSystem& files, const std::string& name, DurableStep step) {
  const auto entry = find_entry(files, name);
  if (!entry) return;
  if (entry->kind == EntryKind::kDirectory) {
    const auto content = list_tree(files, name);
    for (auto below = content.rbegin(); below != content.rend(); ++below) {
      files.remove(join_name(name, below->name), step);
    }
  }
  files.remove(name, step);
}

void require_space(const FileSystem& files, int64_t needed, std::string_view what) {
  const int64_t available = files.available_bytes();
  if (needed <= available) return;
  throw Error(ErrorCode::kIo,
              "{} needs {} bytes ({} MiB) in {}, available are {} bytes ({} MiB); "
              "free some space or choose a folder on another disk",
              what, needed, needed >> 20, files.root(), available, available >> 20);
}

}  // namespace strata::storage
