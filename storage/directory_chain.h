#pragma once
// Directories that hold only what changed since another one: incremental checkpoints.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "storage/file_system.h"
#include "storage/manifest.h"

namespace strata::storage {

/// One directory of a chain.
struct ChainLink {
  std::string directory;
  Manifest manifest;
};

/// What the manifest of a directory says of the one it builds upon: the member `base` of about.
nlohmann::ordered_json parent_entry(const FileSystem& files, const std::string& parent);

/// The directories that `directory` consists of: first the one that builds upon none, last itself.
/// Parents lie beside it. Throws Error{corrupt} when a parent is missing, or is not the one it was
/// built upon.
std::vector<ChainLink> read_chain(const FileSystem& files, const std::string& directory,
                                  std::string_view magic);

/// require_intact of every directory of the chain; returns it.
std::vector<ChainLink> require_intact_chain(const FileSystem& files, const std::string& directory,
                                            std::string_view magic);

}  // namespace strata::storage
