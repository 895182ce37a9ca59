#include "train/run_folder.h"

#include <filesystem>

#include "base/error.h"
#include "storage/manifest.h"
#include "storage/publication.h"
#include "train/checkpoint.h"

namespace strata::train {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kEventsPrefix = "events.out.tfevents.";
constexpr const char* kLogs[] = {"config.resolved.yaml", "env.json", "metrics.jsonl", "log.txt"};

void make_directories(const std::string& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (error)
    throw Error{ErrorCode::kIo, "cannot make the run's folder {}: {}", path, error.message()};
}

std::string magic_of(const storage::FileSystem& files, const std::string& name) {
  try {
    return storage::read_manifest(files, name, "").magic;
  } catch (const Error&) {
    return {};  // what is damaged is not known to be anything
  }
}

/// Exports have a CURRENT of their own, which a run would take over, and --overwrite remove.
void refuse_exports(const std::string& path) {
  const auto files = storage::open_file_system(path, storage::IfAbsent::kFail);
  for (const std::string& name : storage::list_published(*files)) {
    if (magic_of(*files, name) != storage::kExportMagic) continue;
    throw Error{ErrorCode::kUsage,
                "{} holds exports ({}): a run needs a folder of its own, --set checkpoint.path=…",
                path, name};
  }
}

/// A run in a checkpoint's directory would add files to it, which is damage.
void refuse_published(const std::string& path) {
  if (!fs::is_directory(path)) return;
  const auto files = storage::open_file_system(path, storage::IfAbsent::kFail);
  if (!storage::find_entry(*files, std::string(storage::kManifestName))) return;
  if (magic_of(*files, "") == storage::kExportMagic) {
    throw Error{ErrorCode::kUsage, "{} is an export, not the folder of a run", path};
  }
  std::string run = fs::path(path + "/..").lexically_normal().parent_path().string();
  if (run.empty()) run = ".";
  const std::string hint =
      holds_run(run) ? fmt::format(
                           "; its run goes on with --resume {}, from the checkpoint that CURRENT "
                           "names there",
                           run)
                     : "";
  throw Error{ErrorCode::kUsage, "{} is a checkpoint, not the folder of a run{}", path, hint};
}

/// "; a run in it: --resume runs/a", or nothing.
std::string run_below(const std::string& path) {
  std::error_code none;
  for (const auto& entry : fs::directory_iterator(path, none)) {
    if (!holds_run(entry.path().string())) continue;
    return fmt::format("; a run in it: --resume {}", entry.path().string());
  }
  return {};
}

}  // namespace

bool holds_run(const std::string& path) {
  std::error_code error;
  return fs::exists(path + "/CURRENT", error) || fs::exists(path + "/config.resolved.yaml", error);
}

RunFolder::RunFolder(const std::string& path, StartMode start) : path_(path) {
  refuse_published(path);
  if (holds_run(path)) refuse_exports(path);
  if (start == StartMode::kResume && !holds_run(path)) {
    throw Error{ErrorCode::kMissing, "{} holds no run to resume{}", path, run_below(path)};
  }
  if (start == StartMode::kNew && holds_run(path)) {
    throw Error{ErrorCode::kUsage,
                "{} holds a run already: --resume auto continues it, --overwrite removes it, or "
                "--set checkpoint.path=… starts another",
                path};
  }
  make_directories(path);
  lock_.emplace(path, "a run is training there");
  files_ = storage::open_file_system(path, storage::IfAbsent::kCreate);
  storage::remove_leftovers(*files_);
}

void RunFolder::remove_run() {
  remove_checkpoints(*files_);
  std::error_code ignored;
  for (const char* name : kLogs) fs::remove(path_of(name), ignored);
  for (const storage::Entry& entry : files_->list("")) {
    if (entry.name.starts_with(kEventsPrefix)) fs::remove(path_of(entry.name), ignored);
  }
}

void RunFolder::write_text(const std::string& name, std::string_view text) {
  storage::replace_file(*files_, name, text);
}

std::string RunFolder::next_events_path() const {
  int64_t number = 0;
  for (const storage::Entry& entry : files_->list("")) {
    if (entry.name.starts_with(kEventsPrefix)) ++number;
  }
  return path_of(fmt::format("{}{:010}.strata", kEventsPrefix, number));
}

}  // namespace strata::train
