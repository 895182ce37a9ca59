#pragma once
// `strata verify`: is what lies here whole?

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "storage/manifest.h"

namespace strata::serving {

/// One directory: a checkpoint or a version of an export.
struct VerifiedDirectory {
  std::string name;      // "" where the path itself is the directory
  std::string kind;      // "checkpoint", "export", or "" when the manifest cannot be read
  int64_t step = -1;     // -1: unknown
  bool current = false;  // CURRENT names it
  std::vector<storage::Finding> findings;
};

/// What verify found. Orphans and leftovers are reported, they are no damage.
struct VerifyReport {
  std::string path;
  std::string current_problem;  // "" where CURRENT is fine, or not expected
  std::vector<VerifiedDirectory> directories;
  std::vector<std::string> orphans;    // complete, newer than CURRENT, not used
  std::vector<std::string> leftovers;  // of interrupted publications; removed at the next start

  bool intact() const;
};

/// Verifies the directory `path`, or everything in the folder `path`, reading every byte. Exports
/// and checkpoints are also read as such: keys in order, rows counted. Throws Error{missing} when
/// there is nothing to verify or it is another program's (refuse_foreign), Error{io}; damage is in
/// the report (exit 76 is the caller's).
VerifyReport verify(const std::string& path);

/// Lines for people; each damaged file is named.
std::string to_text(const VerifyReport& report);
nlohmann::ordered_json to_json(const VerifyReport& report);

}  // namespace strata::serving
