#pragma once
// Atomic publication of a directory (a checkpoint, a version of an export) and what is around it:
// CURRENT, leftovers, retention.

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "storage/file_system.h"
#include "storage/manifest.h"

namespace strata::storage {

inline constexpr std::string_view kCurrentName = "CURRENT";

/// One file of a publication: buffered, counted and hashed while it is written.
class PartWriter {
 public:
  PartWriter(std::unique_ptr<WritableFile> file, std::string name);
  ~PartWriter();
  PartWriter(const PartWriter&) = delete;
  PartWriter& operator=(const PartWriter&) = delete;

  void append(std::span<const std::byte> bytes);
  void append(std::string_view text) { append(std::as_bytes(std::span(text))); }
  /// Counts rows for the manifest.
  void add_rows(int64_t rows) { entry_.rows += rows; }
  const std::string& name() const { return entry_.name; }
  int64_t bytes() const { return entry_.bytes; }

 private:
  friend class Publication;
  ManifestFile finish();  // hands the last bytes to the file
  void flush();

  std::unique_ptr<WritableFile> file_;
  ManifestFile entry_;
  std::vector<std::byte> buffer_;
  struct Hash;
  std::unique_ptr<Hash> hash_;
};

/// The name under which `name` is written, or waits for its removal. It ends in a checksum of what
/// is before it, so nobody but Strata has entries of such names.
std::string temporary_of(std::string_view name);
bool is_temporary(std::string_view name);

/// A directory in the making. Its files are written into a temporary directory; publish() makes
/// everything durable in this order: parts, manifest, names, the rename to the final name, and last
/// CURRENT. Whatever fails or dies in between, CURRENT names a complete directory, the old or the
/// new one. When it is destroyed unpublished, the temporary directory is removed.
/// One thread at a time; parts may be open together.
class Publication {
 public:
  /// `name` is the final name, directly below the root. Throws Error{io} when it exists already.
  Publication(FileSystem& files, std::string name, std::string magic);
  ~Publication();
  Publication(const Publication&) = delete;
  Publication& operator=(const Publication&) = delete;

  /// A file of the directory; folders in `name` are made as needed.
  std::unique_ptr<PartWriter> create(const std::string& name);
  /// Ends a part: its bytes are on the disk when this returns.
  void close(std::unique_ptr<PartWriter> part);
  /// create, append, close.
  void write(const std::string& name, std::string_view content);

  /// Publishes with `about` in the manifest and points CURRENT to it. No part may be open. If only
  /// the flip of CURRENT failed, the error says that the directory itself is complete.
  void publish(nlohmann::ordered_json about);

  /// Where the parts are until publish(): for reading them back.
  const std::string& temporary_name() const { return temporary_; }
  int64_t bytes() const;

 private:
  void make_folders(const std::string& name);
  void sync_folders();

  FileSystem& files_;
  std::string name_;
  std::string temporary_;
  Manifest manifest_;
  std::vector<std::string> folders_;  // inside the temporary directory, parents first
  int open_parts_ = 0;
  bool published_ = false;
};

/// The directory CURRENT names. Nothing when there is no CURRENT; Error{corrupt} when its text is
/// damaged or it names a directory whose manifest is not the one it was written for.
std::optional<std::string> read_current(const FileSystem& files);

/// Replaces a file of the root in one step: whatever fails, it has the old content or the new.
void replace_file(FileSystem& files, const std::string& name, std::string_view content);

/// Points CURRENT to a complete directory (also: rollback).
void write_current(FileSystem& files, const std::string& name);

/// Directories below the root that hold a manifest, valid or not, ascending by name; temporary
/// ones excluded.
std::vector<std::string> list_published(const FileSystem& files);

/// A published directory on the disk: `name` is "" when the root itself is it.
struct OpenedDirectory {
  std::unique_ptr<FileSystem> files;
  std::string name;
};

/// What a path given by a user means: a published directory itself, or a folder whose CURRENT names
/// one. Throws Error{missing} when it is neither, Error{corrupt} with the usable directories when
/// CURRENT is lost or damaged.
OpenedDirectory open_published(const std::string& path);

/// read_current, with the directories that could be used instead in the error's text, and
/// Error{corrupt} when there is no CURRENT but directories are. Error{missing} without either.
std::string require_current(const FileSystem& files);

/// Removes what interrupted publications left behind (is_temporary) and nothing else; returns the
/// names removed. Call it when no other process publishes into this root.
std::vector<std::string> remove_leftovers(FileSystem& files);

/// Removes a published directory; one that is half removed counts as a leftover.
void remove_published(FileSystem& files, const std::string& name);

}  // namespace strata::storage
