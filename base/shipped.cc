#include "base/shipped.h"

namespace strata {
namespace {

namespace fs = std::filesystem;

/// The longest leading part of `path` without wildcards: what must exist for a glob to match.
fs::path fixed_part(const fs::path& path) {
  fs::path fixed;
  for (const fs::path& part : path) {
    if (part.native().find_first_of("*?[") != std::string::npos) return fixed;
    fixed /= part;
  }
  return fixed;
}

bool is_there(const fs::path& path) {
  const fs::path fixed = fixed_part(path);
  std::error_code ignored;
  return !fixed.empty() && fs::exists(fixed, ignored);
}

}  // namespace

fs::path share_folder() {
  std::error_code ignored;
  const fs::path program = fs::read_symlink("/proc/self/exe", ignored);
  return program.parent_path().parent_path() / "share" / "strata";
}

std::string shipped_path(std::string_view path, const fs::path& share) {
  const fs::path asked(path);
  if (asked.is_absolute() || is_there(asked) || !is_there(share / asked)) return std::string(path);
  return (share / asked).string();
}

std::string shipped_path(std::string_view path) { return shipped_path(path, share_folder()); }

}  // namespace strata
