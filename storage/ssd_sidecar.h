#pragma once
// What RocksDB's directory consists of, written down beside it: RocksDB opens a directory whose
// MANIFEST was cut as if nothing were missing, and deletes the files of the rows it lost.

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>

#include "storage/file_system.h"

namespace strata::storage {

inline constexpr std::string_view kSidecarName = "sidecar.json";

/// The record of one directory: its SST files with their sizes, its MANIFESTs with the length and
/// XXH3-64 of what is on the disk. The file has the form of manifest.json (storage/manifest.h) and
/// is replaced in one step whenever a MANIFEST was synced or a file is about to go, before RocksDB
/// learns of it: a process may die at any moment and the record still holds. It is not synced:
/// after a loss of power an older one may be found, which at worst refuses a directory that is
/// whole. Thread-safe. Names are those of files in the directory, without it.
class SsdSidecar {
 public:
  /// `files` outlives it; `directory` is a name below its root.
  SsdSidecar(FileSystem& files, std::string directory);
  ~SsdSidecar();

  /// Compares the directory with the record of the process before this one and goes on from there.
  /// Longer MANIFESTs and unknown SST files are what a process that died had begun. Throws
  /// Error{corrupt} naming the file that is missing, cut or altered, or the record itself.
  void check();

  void appended(const std::string& name, std::span<const std::byte> bytes);
  /// The last append failed: what is in the file after what was synced is not known.
  void broke(const std::string& name);
  void synced(const std::string& name);  // writes the record
  void closed(const std::string& name, int64_t bytes);
  void removing(const std::string& name);  // writes the record; call before

 private:
  struct Running;
  void save();  // with mutex_ held

  FileSystem& files_;
  const std::string directory_;
  std::mutex mutex_;
  std::map<std::string, int64_t> tables_;  // SST -> bytes
  std::map<std::string, std::unique_ptr<Running>> manifests_;
};

}  // namespace strata::storage
