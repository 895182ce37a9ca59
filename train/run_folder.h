#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/folder_lock.h"
#include "storage/file_system.h"

namespace strata::train {

/// What to do about a run that is in the folder already.
enum class StartMode : uint8_t {
  kNew,        // refuse
  kResume,     // continue it
  kOverwrite,  // remove it, as soon as the new one can start (RunFolder::remove_run)
};

/// The folder of a run (checkpoint.path): CURRENT and checkpoints (train/checkpoint.h),
/// config.resolved.yaml, env.json, metrics.jsonl, events.out.tfevents.*, log.txt. One process at a
/// time holds it; the system lets go of it when that process ends, however it ends.
class RunFolder {
 public:
  /// Makes the folder and its parents when they are absent. Throws Error{usage} when it holds a run
  /// (kNew) or exports, or is a checkpoint, Error{missing} when it holds no run (kResume),
  /// Error{io} when it cannot be written or another process holds it.
  RunFolder(const std::string& path, StartMode start);
  RunFolder(const RunFolder&) = delete;
  RunFolder& operator=(const RunFolder&) = delete;

  /// Removes checkpoints, CURRENT and logs; what is not of a run stays.
  void remove_run();

  /// Replaces a small file of the folder. Throws Error{io}.
  void write_text(const std::string& name, std::string_view text);

  /// The folder's durable files: checkpoints and CURRENT.
  storage::FileSystem& files() { return *files_; }
  const std::string& path() const { return path_; }
  std::string path_of(const std::string& name) const { return path_ + "/" + name; }

  /// Path of the next event file: numbered, not dated, so that clocks do not order them.
  std::string next_events_path() const;

 private:
  std::string path_;
  std::optional<FolderLock> lock_;
  std::unique_ptr<storage::FileSystem> files_;
};

/// True when the folder at `path` holds a run: a CURRENT or a resolved config.
bool holds_run(const std::string& path);

}  // namespace strata::train
