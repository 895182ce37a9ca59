#include "storage/ssd_engine.h"

#include <rocksdb/env.h>

#include <algorithm>
#include <charconv>
#include <utility>

#include "base/check.h"
#include "storage/publication.h"

namespace strata::storage {
namespace {

constexpr std::string_view kMarkerName = "strata_ssd_tier";
constexpr std::string_view kMarkerText = "strata ssd tier, format 1\n";
constexpr int64_t kMemoryMinimum = 64 << 20;

void check(const SsdConfig& config) {
  STRATA_CHECK(!config.path.empty() && config.bytes >= 0, "SSD tier", config.path);
  STRATA_CHECK(config.read_threads >= 1 && config.read_threads <= 256, "", config.read_threads);
  STRATA_CHECK(config.background_threads >= 2 && config.background_threads <= 64, "",
               config.background_threads);
  if (config.memory < kMemoryMinimum) {
    throw Error(ErrorCode::kConfig, "{}: the SSD tier needs at least 64 MiB of memory, not {}",
                config.path, config.memory);
  }
}

/// The directory, which is empty or an SSD tier of an earlier run.
std::unique_ptr<FileSystem> open_tier(const SsdConfig& config, SsdStart start) {
  check(config);
  auto files = open_file_system(config.path,
                                start == SsdStart::kReopen ? IfAbsent::kFail : IfAbsent::kCreate);
  if (find_entry(*files, std::string(kMarkerName))) return files;
  if (start == SsdStart::kReopen) {
    throw Error(ErrorCode::kMissing, "{} is no SSD tier: nothing to reopen", config.path);
  }
  for (const Entry& entry : files->list("")) {
    if (entry.name == ".lock" || is_temporary(entry.name)) continue;
    throw Error(ErrorCode::kConfig,
                "{} holds '{}' and is no SSD tier of Strata; name an empty directory", config.path,
                entry.name);
  }
  return files;
}

/// "72:C3": rows of 72 bytes of the table C3.
std::string family_name(std::string_view table, int row_bytes) {
  return fmt::format("{}:{}", row_bytes, table);
}

SsdFamily parse_family(rocksdb::ColumnFamilyHandle* handle, const std::string& where) {
  const std::string& text = handle->GetName();
  SsdFamily family;
  family.handle = handle;
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, family.row_bytes);
  if (parsed.ec != std::errc() || parsed.ptr == end || *parsed.ptr != ':') {
    throw Error(ErrorCode::kCorrupt, "{}: column family '{}' is not of Strata", where, text);
  }
  family.name.assign(parsed.ptr + 1, end);
  return family;
}

std::string remedy(const rocksdb::Status& status) {
  if (status.IsNoSpace()) return "; free space on that disk";
  if (status.subcode() == rocksdb::Status::kSpaceLimit) return "; raise tiers.ssd.bytes";
  if (status.IsCorruption()) return "; start from a checkpoint instead";
  return "";
}

ErrorCode code_of(const rocksdb::Status& status) {
  if (status.IsCorruption()) return ErrorCode::kCorrupt;
  if (status.IsMemoryLimit()) return ErrorCode::kResource;
  return status.IsNotSupported() ? ErrorCode::kConfig : ErrorCode::kIo;
}

}  // namespace

Error ssd_error(const rocksdb::Status& status, std::string_view doing, const std::string& path) {
  STRATA_CHECK(!status.ok(), "a status that is fine");
  return Error(code_of(status), "{}: cannot {}: {}{}", path, doing, status.ToString(),
               remedy(status));
}

uint64_t SsdKey::decode(const rocksdb::Slice& key) {
  if (key.size() != sizeof(uint64_t)) {
    throw Error(ErrorCode::kCorrupt, "a key of {} bytes is not of Strata", key.size());
  }
  uint64_t h = 0;
  std::memcpy(&h, key.data(), sizeof(h));
  return __builtin_bswap64(h);
}

SsdEngine::SsdEngine(const SsdConfig& config, SsdStart start)
    : config(config),
      scratch(start == SsdStart::kScratch),
      files(open_tier(config, start)),
      path(files->path(kSsdRows)),
      lock(config.path, "an SSD tier has one process at a time"),
      sidecar(*files, std::string(kSsdRows)),
      rocksdb_files(std::make_shared<RocksDbFileSystem>(path, sidecar, config.fault_hook)),
      env(rocksdb::NewCompositeEnv(rocksdb_files)),
      memory(config.memory),
      health(std::make_shared<SsdHealth>()),
      readers(config.read_threads) {
  if (start == SsdStart::kReopen) {
    sidecar.check();
  } else {
    remove_rows();
    replace_file(*files, std::string(kMarkerName), kMarkerText);
  }
  remove_tree(*files, std::string(kSsdLoading), DurableStep::kLeftoverRemove);
  files->make_directory(std::string(kSsdLoading), DurableStep::kTemporaryCreate);
  open(start);
}

void SsdEngine::remove_rows() {
  for (const auto& name : {std::string(kSsdRows), std::string(kSidecarName),
                           temporary_of(kSidecarName), std::string(kSsdLoading)}) {
    remove_tree(*files, name, DurableStep::kLeftoverRemove);
  }
}

void SsdEngine::open(SsdStart start) {
  rocksdb::DBOptions options = ssd_options(config, memory, env.get(), health);
  options.create_if_missing = options.error_if_exists = start != SsdStart::kReopen;
  std::vector<std::string> names = {rocksdb::kDefaultColumnFamilyName};
  if (start == SsdStart::kReopen) {
    names.clear();
    require(rocksdb::DB::ListColumnFamilies(options, path, &names), "read the tables");
  }
  std::vector<rocksdb::ColumnFamilyDescriptor> descriptors;
  descriptors.reserve(names.size());
  for (const std::string& name : names) descriptors.emplace_back(name, ssd_family_options(memory));
  std::vector<rocksdb::ColumnFamilyHandle*> handles;
  rocksdb::DB* opened = nullptr;
  require(rocksdb::DB::Open(options, path, descriptors, &handles, &opened), "open");
  db.reset(opened);
  for (rocksdb::ColumnFamilyHandle* handle : handles) {
    if (handle->GetName() == rocksdb::kDefaultColumnFamilyName) {
      default_family = handle;
    } else {
      families.push_back(std::make_unique<SsdFamily>(parse_family(handle, path)));
    }
  }
}

SsdEngine::~SsdEngine() {
  if (!db) return;
  for (const SsdFamily* family : live_families()) {
    db->DestroyColumnFamilyHandle(family->handle).PermitUncheckedError();
  }
  db->DestroyColumnFamilyHandle(default_family).PermitUncheckedError();
  db->Close().PermitUncheckedError();
  db.reset();
  if (!scratch) return;
  try {
    remove_rows();
  } catch (const Error&) {
    // What cannot be removed now is when the directory is used again.
  }
}

void SsdEngine::require(const rocksdb::Status& status, std::string_view doing) const {
  if (!status.ok()) throw ssd_error(status, doing, path);
}

std::vector<SsdFamily*> SsdEngine::live_families() {
  std::vector<SsdFamily*> live;
  for (const auto& family : families) {
    if (family->handle != nullptr) live.push_back(family.get());
  }
  return live;
}

SsdFamily& SsdEngine::make_family(std::string_view name, int row_bytes) {
  auto family = std::make_unique<SsdFamily>();
  family->name = name;
  family->row_bytes = row_bytes;
  write("make a table", [&] {
    return db->CreateColumnFamily(ssd_family_options(memory), family_name(name, row_bytes),
                                  &family->handle);
  });
  families.push_back(std::move(family));
  return *families.back();
}

void SsdEngine::drop_family(SsdFamily& family) {
  write("drop a table", [&] { return db->DropColumnFamily(family.handle); });
  require(db->DestroyColumnFamilyHandle(std::exchange(family.handle, nullptr)), "drop a table");
}

void SsdEngine::make_room() {
  if (memory.write_buffers->memory_usage() < memory.write_buffers->buffer_size()) return;
  const std::lock_guard only_one(room);
  rocksdb::ColumnFamilyHandle* largest = default_family;
  uint64_t most = 0;
  for (const SsdFamily* family : live_families()) {
    uint64_t bytes = 0;
    db->GetIntProperty(family->handle, rocksdb::DB::Properties::kCurSizeAllMemTables, &bytes);
    if (bytes > most) {
      most = bytes;
      largest = family->handle;
    }
  }
  rocksdb::FlushOptions options;
  options.allow_write_stall = true;  // the writer waits either way
  write("write memtables", [&] { return db->Flush(options, largest); });
}

}  // namespace strata::storage
