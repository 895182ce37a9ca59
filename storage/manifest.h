#pragma once
// manifest.json: what a published directory (checkpoint or export) consists of. Written last; a
// directory without a valid manifest is neither. storage/README.md shows the format.

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "storage/file_system.h"

namespace strata::storage {

inline constexpr std::string_view kManifestName = "manifest.json";
inline constexpr int kManifestFormat = 1;  // the newest this build reads and writes
inline constexpr int64_t kManifestLimitBytes = 16ll << 20;  // checked before it is read

/// What the directory is; the manifest's `magic`.
inline constexpr std::string_view kCheckpointMagic = "strata checkpoint";
inline constexpr std::string_view kExportMagic = "strata export";

/// One file of the directory.
struct ManifestFile {
  std::string name;   // relative, '/' between components
  int64_t bytes = 0;  //
  int64_t rows = 0;   // of a part that holds rows; 0 otherwise
  uint64_t xxh3 = 0;  // XXH3-64 of its bytes, seed 0
  bool operator==(const ManifestFile&) const = default;
};

/// `files` is ascending by name and does not hold the manifest itself. `about` is what the writer
/// says of the whole: step, tables, layouts, metrics.
struct Manifest {
  std::string magic;
  int format = kManifestFormat;
  nlohmann::ordered_json about = nlohmann::ordered_json::object();
  std::vector<ManifestFile> files;

  /// The entry of that name, or nullptr.
  const ManifestFile* find(std::string_view name) const;
};

/// The text of manifest.json. Its last member, `manifest_xxh3`, is the XXH3-64 of everything
/// before it, so that no byte of the file can change unseen.
std::string to_text(const Manifest& manifest);

/// Inverse of to_text, strict: unknown or missing members, unclean, repeated or unordered names,
/// negative sizes and a wrong checksum are Error{corrupt}; so is a newer format, said as such.
/// `where` names the file in messages.
Manifest parse_manifest(std::string_view text, std::string_view where);

/// Reads the manifest of `directory`. Throws Error{corrupt} when it is absent or invalid, and when
/// its magic is not `magic` (empty: any).
Manifest read_manifest(const FileSystem& files, const std::string& directory,
                       std::string_view magic);

enum class Damage {
  kMissing,     // named by the manifest, not there
  kTruncated,   // shorter or longer than the manifest says
  kAltered,     // right length, other bytes
  kExtra,       // there, not named by the manifest
  kNotRegular,  // symbolic link, device, …
  kUnreadable,  // the system refuses to read it
  kInvalid,     // the manifest itself
};

/// One thing that is wrong with a published directory.
struct Finding {
  std::string file;  // relative to the directory
  Damage damage = Damage::kAltered;
  std::string detail;  // a sentence for people; names sizes, checksums or reasons
};

/// Compares a directory with its manifest, reading every byte. Empty: intact. Throws nothing for
/// damage; Error{missing} when the directory itself is absent.
std::vector<Finding> verify_directory(const FileSystem& files, const std::string& directory,
                                      std::string_view magic);

/// Throws Error{corrupt} unless verify_directory finds nothing; the first findings are named.
void require_intact(const FileSystem& files, const std::string& directory, std::string_view magic);

/// "C3/part-00000.keys.npy: truncated: 128 bytes, the manifest says 4096".
std::string describe(const Finding& finding);

/// XXH3-64 of a file's bytes (seed 0), read in pieces of 1 MiB.
uint64_t file_xxh3(const ReadableFile& file);

}  // namespace strata::storage

template <>
struct strata::EnumNames<strata::storage::Damage> {
  using enum strata::storage::Damage;
  static constexpr std::pair<strata::storage::Damage, std::string_view> kNames[] = {
      {kMissing, "missing"}, {kTruncated, "truncated"},    {kAltered, "altered"},
      {kExtra, "extra"},     {kNotRegular, "not regular"}, {kUnreadable, "unreadable"},
      {kInvalid, "invalid"}};
};
