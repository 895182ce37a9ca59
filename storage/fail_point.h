#pragma once
// Every durable step of the engine by name, so that a test can stop the process before and after
// each of them. A file-system call that changes what survives a crash takes its step as a
// parameter (storage/file_system.h): a new rename or fsync cannot be written without a name.

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/fields.h"

namespace strata::storage {

/// The steps of publishing a directory, in their order (storage/publication.h), and of cleaning up.
enum class DurableStep {
  kLeftoverRemove,   // a temporary directory of an earlier, interrupted run goes away
  kTemporaryCreate,  // the temporary directory and its folders
  kPartCreate,       // a file of the directory
  kPartSync,         // its bytes reach the disk
  kManifestCreate,   //
  kManifestSync,     //
  kTemporarySync,    // the names in the temporary directory reach the disk
  kPublishRename,    // the directory gets its final name
  kPublishSync,      // that name reaches the disk
  kCurrentCreate,    // the next CURRENT, or other small file, beside the old one
  kCurrentSync,      //
  kCurrentRename,    // CURRENT flips
  kCurrentFlipSync,  // the flip reaches the disk
  kRetentionRemove,  // an old version goes away
};

/// A place where a process can die: just before or just after a step.
struct FailPoint {
  DurableStep step;
  bool after = false;
  bool operator==(const FailPoint&) const = default;
};

/// All points, in order: two per step.
std::vector<FailPoint> all_fail_points();

/// "before publish_rename", "after current_sync".
std::string fail_point_name(FailPoint point);

/// The point of that name; nothing when there is none.
std::optional<FailPoint> find_fail_point(std::string_view name);

/// Called at every point that is passed; a test throws from it or ends the process.
using FailPointHook = std::function<void(FailPoint)>;

}  // namespace strata::storage

template <>
struct strata::EnumNames<strata::storage::DurableStep> {
  using enum strata::storage::DurableStep;
  static constexpr std::pair<strata::storage::DurableStep, std::string_view> kNames[] = {
      {kLeftoverRemove, "leftover_remove"},
      {kTemporaryCreate, "temporary_create"},
      {kPartCreate, "part_create"},
      {kPartSync, "part_sync"},
      {kManifestCreate, "manifest_create"},
      {kManifestSync, "manifest_sync"},
      {kTemporarySync, "temporary_sync"},
      {kPublishRename, "publish_rename"},
      {kPublishSync, "publish_sync"},
      {kCurrentCreate, "current_create"},
      {kCurrentSync, "current_sync"},
      {kCurrentRename, "current_rename"},
      {kCurrentFlipSync, "current_flip_sync"},
      {kRetentionRemove, "retention_remove"}};
};
