#pragma once
// Files that ship with the program: configs/ and datasets/.

#include <filesystem>
#include <string>
#include <string_view>

namespace strata {

/// share/strata of the installation this program runs from: next to the folder of its binary.
/// The folder need not exist (a program in a build tree has none).
std::filesystem::path share_folder();

/// Where to look for `path`, a file or glob that a user or a shipped config names. A path that is
/// absolute or exists from the current folder stays as it is (for a glob: its folder exists); else
/// the same path below `share` if that exists; else `path`, so that errors name what was written.
std::string shipped_path(std::string_view path, const std::filesystem::path& share);

/// The same for this program's own share_folder().
std::string shipped_path(std::string_view path);

}  // namespace strata
