#include "storage/publication.h"

#include <xxhash.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "base/check.h"

namespace strata::storage {
namespace {

constexpr std::string_view kTemporaryPrefix = ".tmp-";
constexpr size_t kChecksumDigits = 16;
constexpr size_t kBufferBytes = 1 << 20;
constexpr int64_t kCurrentLimitBytes = 4096;

/// CURRENT has two lines: the directory, and the XXH3-64 of its manifest.json.
std::string current_text(const FileSystem& files, const std::string& name) {
  const auto manifest = files.open(join_name(name, kManifestName));
  return fmt::format("{}\n{:016x}\n", name, file_xxh3(*manifest));
}

void write_file(FileSystem& files, DurableStep create, const std::string& name,
                std::string_view content, DurableStep sync) {
  const auto file = files.create(name, create);
  file->append(std::as_bytes(std::span(content)));
  files.sync(*file, sync);
}

}  // namespace

std::string temporary_of(std::string_view name) {
  return fmt::format("{}{}.{:016x}", kTemporaryPrefix, name, XXH3_64bits(name.data(), name.size()));
}

bool is_temporary(std::string_view name) {
  const size_t around = kTemporaryPrefix.size() + 1 + kChecksumDigits;
  if (name.size() < around) return false;
  return name == temporary_of(name.substr(kTemporaryPrefix.size(), name.size() - around));
}

struct PartWriter::Hash {
  XXH3_state_t* state = XXH3_createState();
  Hash() { XXH3_64bits_reset(state); }
  ~Hash() { XXH3_freeState(state); }
};

PartWriter::PartWriter(std::unique_ptr<WritableFile> file, std::string name)
    : file_(std::move(file)), hash_(std::make_unique<Hash>()) {
  entry_.name = std::move(name);
  buffer_.reserve(kBufferBytes);
}

PartWriter::~PartWriter() = default;

void PartWriter::append(std::span<const std::byte> bytes) {
  XXH3_64bits_update(hash_->state, bytes.data(), bytes.size());
  entry_.bytes += static_cast<int64_t>(bytes.size());
  if (buffer_.size() + bytes.size() > kBufferBytes) flush();
  if (bytes.size() >= kBufferBytes) {
    file_->append(bytes);
  } else {
    buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
  }
}

void PartWriter::flush() {
  file_->append(buffer_);
  buffer_.clear();
}

ManifestFile PartWriter::finish() {
  flush();
  entry_.xxh3 = XXH3_64bits_digest(hash_->state);
  return entry_;
}

Publication::Publication(FileSystem& files, std::string name, std::string magic)
    : files_(files), name_(std::move(name)), temporary_(temporary_of(name_)) {
  STRATA_CHECK(is_clean_name(name_) && name_.find('/') == name_.npos, "directory", name_);
  if (find_entry(files_, name_)) {
    throw Error(ErrorCode::kIo, "{} exists already; published directories are not changed",
                files_.path(name_));
  }
  manifest_.magic = std::move(magic);
  remove_tree(files_, temporary_, DurableStep::kLeftoverRemove);
  files_.make_directory(temporary_, DurableStep::kTemporaryCreate);
}

Publication::~Publication() {
  if (published_) return;
  try {
    remove_tree(files_, temporary_, DurableStep::kLeftoverRemove);
  } catch (...) {
    // Whatever made the publication fail may also refuse the clean-up; the next start repeats it.
  }
}

void Publication::make_folders(const std::string& name) {
  for (size_t slash = name.find('/'); slash != name.npos; slash = name.find('/', slash + 1)) {
    const std::string folder = name.substr(0, slash);
    if (std::ranges::find(folders_, folder) != folders_.end()) continue;
    files_.make_directory(temporary_ + "/" + folder, DurableStep::kTemporaryCreate);
    folders_.push_back(folder);
  }
}

std::unique_ptr<PartWriter> Publication::create(const std::string& name) {
  STRATA_CHECK(is_clean_name(name) && name != kManifestName, "file", name);
  make_folders(name);
  auto file = files_.create(temporary_ + "/" + name, DurableStep::kPartCreate);
  ++open_parts_;
  return std::make_unique<PartWriter>(std::move(file), name);
}

void Publication::close(std::unique_ptr<PartWriter> part) {
  manifest_.files.push_back(part->finish());
  files_.sync(*part->file_, DurableStep::kPartSync);
  --open_parts_;
}

void Publication::write(const std::string& name, std::string_view content) {
  auto part = create(name);
  part->append(content);
  close(std::move(part));
}

int64_t Publication::bytes() const {
  int64_t bytes = 0;
  for (const ManifestFile& file : manifest_.files) bytes += file.bytes;
  return bytes;
}

void Publication::sync_folders() {
  for (auto folder = folders_.rbegin(); folder != folders_.rend(); ++folder) {
    files_.sync_directory(temporary_ + "/" + *folder, DurableStep::kTemporarySync);
  }
  files_.sync_directory(temporary_, DurableStep::kTemporarySync);
}

void Publication::publish(nlohmann::ordered_json about) {
  STRATA_CHECK(open_parts_ == 0 && !published_, "open parts", open_parts_);
  STRATA_CHECK(about.is_object(), "about");
  manifest_.about = std::move(about);
  std::ranges::sort(manifest_.files, {}, &ManifestFile::name);
  write_file(files_, DurableStep::kManifestCreate, join_name(temporary_, kManifestName),
             to_text(manifest_), DurableStep::kManifestSync);
  sync_folders();
  files_.rename(temporary_, name_, DurableStep::kPublishRename);
  published_ = true;
  try {
    files_.sync_directory("", DurableStep::kPublishSync);
    write_current(files_, name_);
  } catch (const Error& e) {
    throw e.in(fmt::format("{} is complete, but CURRENT does not name it", files_.path(name_)));
  }
}

std::optional<std::string> read_current(const FileSystem& files) {
  const std::string current(kCurrentName);
  if (!find_entry(files, current)) return std::nullopt;
  const std::string text = read_text(files, current, kCurrentLimitBytes);
  const std::string name = text.substr(0, text.find('\n'));
  if (!is_clean_name(name) || name.find('/') != name.npos) {
    throw Error(ErrorCode::kCorrupt, "{} is damaged: it names no directory", files.path(current));
  }
  if (!find_entry(files, join_name(name, kManifestName))) {
    throw Error(ErrorCode::kCorrupt, "{} names '{}', which is not there", files.path(current),
                name);
  }
  if (text != current_text(files, name)) {
    throw Error(ErrorCode::kCorrupt, "{} was not written for the manifest of '{}'",
                files.path(current), name);
  }
  return name;
}

void replace_file(FileSystem& files, const std::string& name, std::string_view content) {
  const std::string next = temporary_of(name);
  remove_tree(files, next, DurableStep::kLeftoverRemove);
  write_file(files, DurableStep::kCurrentCreate, next, content, DurableStep::kCurrentSync);
  files.rename(next, name, DurableStep::kCurrentRename);
  files.sync_directory("", DurableStep::kCurrentFlipSync);
}

void write_current(FileSystem& files, const std::string& name) {
  replace_file(files, std::string(kCurrentName), current_text(files, name));
}

std::vector<std::string> list_published(const FileSystem& files) {
  std::vector<std::string> names;
  for (const Entry& entry : files.list("")) {
    if (entry.kind != EntryKind::kDirectory || is_temporary(entry.name)) continue;
    if (find_entry(files, join_name(entry.name, kManifestName))) {
      names.push_back(entry.name);
    }
  }
  return names;
}

std::string require_current(const FileSystem& files) {
  std::string usable;
  for (const std::string& name : list_published(files)) {
    try {
      read_manifest(files, name, "");
      usable += (usable.empty() ? "" : ", ") + name;
    } catch (const Error&) {
      continue;  // not usable
    }
  }
  std::string problem = files.path(kCurrentName) + " is missing";
  try {
    if (const auto current = read_current(files)) return *current;
    if (usable.empty()) {
      throw Error(ErrorCode::kMissing, "{} holds no checkpoint and no export", files.root());
    }
  } catch (const Error& e) {
    if (e.code() != ErrorCode::kCorrupt) throw;
    problem = e.what();
  }
  throw Error(ErrorCode::kCorrupt, "{}; usable: {}", problem, usable.empty() ? "none" : usable);
}

/// True when the root is a directory whose parents lie beside it.
bool builds_upon_another(const FileSystem& root) {
  try {
    return read_manifest(root, "", "").about.contains("base");
  } catch (const Error&) {
    return false;  // whoever reads it will say why
  }
}

OpenedDirectory open_published(const std::string& path) {
  auto files = open_file_system(path, IfAbsent::kFail);
  if (find_entry(*files, std::string(kManifestName))) {
    if (!builds_upon_another(*files)) return {std::move(files), ""};
    const std::filesystem::path whole = std::filesystem::canonical(path);
    return {open_file_system(whole.parent_path().string(), IfAbsent::kFail),
            whole.filename().string()};
  }
  std::string name = require_current(*files);
  return {std::move(files), std::move(name)};
}

std::vector<std::string> remove_leftovers(FileSystem& files) {
  std::vector<std::string> removed;
  for (const Entry& entry : files.list("")) {
    if (!is_temporary(entry.name)) continue;
    remove_tree(files, entry.name, DurableStep::kLeftoverRemove);
    removed.push_back(entry.name);
  }
  return removed;
}

void remove_published(FileSystem& files, const std::string& name) {
  // Renamed first: a directory half removed under its own name would look damaged, not removed.
  const std::string leftover = temporary_of("removed-" + name);
  remove_tree(files, leftover, DurableStep::kLeftoverRemove);
  files.rename(name, leftover, DurableStep::kRetentionRemove);
  files.sync_directory("", DurableStep::kRetentionRemove);
  remove_tree(files, leftover, DurableStep::kRetentionRemove);
}

}  // namespace strata::storage
