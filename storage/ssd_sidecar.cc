#include "storage/ssd_sidecar.h"

#include <xxhash.h>

#include <algorithm>
#include <vector>

#include "base/check.h"
#include "base/error.h"
#include "storage/manifest.h"
#include "storage/publication.h"

namespace strata::storage {
namespace {

constexpr std::string_view kMagic = "strata ssd tier";
constexpr int64_t kPieceBytes = 1 << 20;

bool is_manifest(std::string_view name) { return name.starts_with("MANIFEST-"); }
bool is_sst(std::string_view name) { return name.ends_with(".sst"); }

[[noreturn]] void disagree(const std::string& path, const std::string& why) {
  throw Error(ErrorCode::kCorrupt,
              "{}: {}; this directory cannot be used: start from a checkpoint instead", path, why);
}

}  // namespace

/// A MANIFEST: what was appended, and what of it is known to be on the disk.
struct SsdSidecar::Running {
  XXH3_state_t* state = XXH3_createState();
  int64_t bytes = 0;
  int64_t synced_bytes = 0;
  uint64_t synced_xxh3 = 0;
  bool broken = false;

  Running() { XXH3_64bits_reset(state); }
  ~Running() { XXH3_freeState(state); }
  Running(const Running&) = delete;
  Running& operator=(const Running&) = delete;
};

SsdSidecar::SsdSidecar(FileSystem& files, std::string directory)
    : files_(files), directory_(std::move(directory)) {}

SsdSidecar::~SsdSidecar() = default;

namespace {

/// XXH3-64 of the first `bytes` of a file.
uint64_t prefix_xxh3(const ReadableFile& file, int64_t bytes) {
  const std::unique_ptr<XXH3_state_t, decltype(&XXH3_freeState)> state(XXH3_createState(),
                                                                       &XXH3_freeState);
  XXH3_64bits_reset(state.get());
  std::vector<std::byte> piece(static_cast<size_t>(std::min(bytes, kPieceBytes)));
  for (int64_t at = 0; at < bytes; at += kPieceBytes) {
    const std::span part(piece.data(), static_cast<size_t>(std::min(kPieceBytes, bytes - at)));
    file.read(at, part);
    XXH3_64bits_update(state.get(), part.data(), part.size());
  }
  return XXH3_64bits_digest(state.get());
}

/// Throws unless the file is there as the record says; a MANIFEST may have grown since.
void check_file(const FileSystem& files, const ManifestFile& expected) {
  const std::string path = files.path(expected.name);
  const auto entry = find_entry(files, expected.name);
  if (!entry || entry->kind != EntryKind::kFile) disagree(path, "missing");
  const bool manifest = is_manifest(expected.name.substr(expected.name.rfind('/') + 1));
  if (entry->bytes < expected.bytes || (!manifest && entry->bytes > expected.bytes)) {
    disagree(path, fmt::format("{} bytes, {} says {}", entry->bytes, kSidecarName, expected.bytes));
  }
  if (manifest && prefix_xxh3(*files.open(expected.name), expected.bytes) != expected.xxh3) {
    disagree(path, "its checksum does not match");
  }
}

}  // namespace

void SsdSidecar::check() {
  Manifest record;
  try {
    record = parse_manifest(read_text(files_, std::string(kSidecarName), kManifestLimitBytes),
                            files_.path(kSidecarName));
  } catch (const Error& e) {
    if (e.code() != ErrorCode::kMissing) throw;
    disagree(files_.path(kSidecarName), "missing");
  }
  if (record.magic != kMagic) disagree(files_.path(kSidecarName), "not a record of an SSD tier");
  const std::string prefix = directory_ + "/";
  const std::lock_guard lock(mutex_);
  for (const ManifestFile& file : record.files) {
    if (!file.name.starts_with(prefix)) disagree(files_.path(file.name), "out of place");
    check_file(files_, file);
    const std::string name = file.name.substr(prefix.size());
    if (is_manifest(name)) {
      auto running = std::make_unique<Running>();
      running->synced_bytes = file.bytes;
      running->synced_xxh3 = file.xxh3;
      running->broken = true;  // RocksDB goes on in another one
      manifests_[name] = std::move(running);
    } else {
      tables_[name] = file.bytes;
    }
  }
  const std::string current = prefix + "CURRENT";
  if (!find_entry(files_, current)) disagree(files_.path(current), "missing");
  const std::string text = read_text(files_, current, 4096);
  if (text.empty() || text.back() != '\n' ||
      !manifests_.contains(text.substr(0, text.size() - 1))) {
    disagree(files_.path(current), fmt::format("names no MANIFEST that {} knows", kSidecarName));
  }
}

void SsdSidecar::appended(const std::string& name, std::span<const std::byte> bytes) {
  if (!is_manifest(name)) return;
  const std::lock_guard lock(mutex_);
  auto& running = manifests_[name];
  if (!running) running = std::make_unique<Running>();
  XXH3_64bits_update(running->state, bytes.data(), bytes.size());
  running->bytes += static_cast<int64_t>(bytes.size());
}

void SsdSidecar::broke(const std::string& name) {
  const std::lock_guard lock(mutex_);
  const auto found = manifests_.find(name);
  if (found != manifests_.end()) found->second->broken = true;
}

void SsdSidecar::synced(const std::string& name) {
  if (!is_manifest(name)) return;
  const std::lock_guard lock(mutex_);
  const auto found = manifests_.find(name);
  if (found == manifests_.end() || found->second->broken) return;
  Running& running = *found->second;
  if (running.synced_bytes == running.bytes) return;
  running.synced_bytes = running.bytes;
  running.synced_xxh3 = XXH3_64bits_digest(running.state);
  save();
}

void SsdSidecar::closed(const std::string& name, int64_t bytes) {
  if (!is_sst(name)) return;
  const std::lock_guard lock(mutex_);
  tables_[name] = bytes;
}

void SsdSidecar::removing(const std::string& name) {
  const std::lock_guard lock(mutex_);
  if (tables_.erase(name) + manifests_.erase(name) > 0) save();
}

void SsdSidecar::save() {
  Manifest record;
  record.magic = kMagic;
  const std::string prefix = directory_ + "/";
  for (const auto& [name, running] : manifests_) {
    if (running->synced_bytes == 0) continue;
    record.files.push_back(
        {.name = prefix + name, .bytes = running->synced_bytes, .xxh3 = running->synced_xxh3});
  }
  for (const auto& [name, bytes] : tables_) {
    record.files.push_back({.name = prefix + name, .bytes = bytes});
  }
  std::ranges::sort(record.files, {}, &ManifestFile::name);
  const std::string text = to_text(record);
  const std::string next = temporary_of(kSidecarName);
  remove_tree(files_, next, DurableStep::kLeftoverRemove);
  files_.create(next, DurableStep::kCurrentCreate)->append(std::as_bytes(std::span(text)));
  files_.rename(next, std::string(kSidecarName), DurableStep::kCurrentRename);
}

}  // namespace strata::storage
