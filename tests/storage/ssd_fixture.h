#pragma once
// A small SSD tier in a folder of its own, and what tests do to its files.

#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <string>

#include "storage/ssd_database.h"
#include "tests/storage/row_batch.h"
#include "tests/temporary_folder.h"

namespace strata::storage {

inline constexpr int kSsdRowBytes = 72;

/// Where files are: on the disk, or in memory, where a sync costs nothing.
enum class Medium { kDisk, kMemory };

class SsdFixture {
 public:
  explicit SsdFixture(Medium medium = Medium::kDisk)
      : folder(medium == Medium::kDisk ? std::filesystem::temp_directory_path()
                                       : std::filesystem::path("/dev/shm")),
        direct_io_(medium == Medium::kDisk) {}

  SsdConfig config() const {
    return {.path = path,
            .memory = 64 << 20,
            .direct_io = direct_io_,
            .read_threads = 4,
            .background_threads = 16};  // a pool of the whole process
  }

  void open(SsdStart start, SsdFaultHook hook = {}) {
    database.reset();
    SsdConfig with_hook = config();
    with_hook.fault_hook = std::move(hook);
    database = std::make_unique<SsdDatabase>(with_hook, start);
  }
  SsdTable& table(const std::string& name = "C3") {
    return database->table({.name = name, .row_bytes = kSsdRowBytes});
  }
  void write(const std::set<uint64_t>& keys, uint64_t version = 0) {
    const RowBatch batch = make_batch(keys, version, kSsdRowBytes);
    table().write(batch.hashes, batch.rows);
  }
  static Rows expected(const std::set<uint64_t>& keys, uint64_t version = 0) {
    return rows_of(make_batch(keys, version, kSsdRowBytes));
  }

  /// RocksDB's files whose names hold `part`.
  std::vector<std::filesystem::path> files(const std::string& part) const {
    std::vector<std::filesystem::path> found;
    for (const auto& entry : std::filesystem::directory_iterator(path + "/rocksdb")) {
      if (entry.path().filename().string().find(part) != std::string::npos) {
        found.push_back(entry.path());
      }
    }
    return found;
  }
  /// Name -> size of everything.
  std::map<std::string, uintmax_t> listing() const {
    std::map<std::string, uintmax_t> out;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path)) {
      if (entry.is_regular_file()) out[entry.path().string()] = entry.file_size();
    }
    return out;
  }

  TemporaryFolder folder;
  const std::string path = folder.path_of("tier");
  std::unique_ptr<SsdDatabase> database;

 private:
  const bool direct_io_;
};

inline void flip_bit(const std::filesystem::path& file, uintmax_t at) {
  std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
  stream.seekg(static_cast<std::streamoff>(at));
  const char byte = static_cast<char>(stream.get() ^ 4);
  stream.seekp(static_cast<std::streamoff>(at));
  stream.put(byte);
}

}  // namespace strata::storage
