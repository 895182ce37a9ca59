#include "train/resume.h"

#include <algorithm>
#include <iterator>

#include "base/error.h"
#include "train/config_leaves.h"

namespace strata::train {
namespace {

bool covers(const std::string& allowed, const std::string& key) {
  return key == allowed || key.starts_with(allowed + ".");
}

std::string shown(const ChangedKey& change) {
  const auto text = [](const std::string& value) { return value.empty() ? "(absent)" : value; };
  return fmt::format("{}: {} -> {}", change.key, text(change.before), text(change.after));
}

/// A slip in --allow-change must not look like a permission.
void require_known(const std::vector<std::string>& allow, const Config& before,
                   const Config& after) {
  std::vector<ConfigLeaf> leaves = leaves_of(before);
  std::ranges::copy(leaves_of(after), std::back_inserter(leaves));
  for (const std::string& key : allow) {
    const bool known = std::ranges::any_of(
        leaves, [&](const ConfigLeaf& leaf) { return covers(key, leaf.key()); });
    if (known) continue;
    throw Error{ErrorCode::kUsage, "--allow-change {}: neither config has such a key", key};
  }
}

}  // namespace

std::vector<std::string> check_resumed_config(const Config& before, const Config& after,
                                              const std::vector<std::string>& allow) {
  require_known(allow, before, after);
  std::vector<std::string> notes;
  std::string refused;
  for (const ChangedKey& change : changed_keys(before, after)) {
    const bool allowed = change.on_resume == OnResume::kFree ||
                         std::any_of(allow.begin(), allow.end(), [&](const std::string& key) {
                           return covers(key, change.key);
                         });
    if (allowed) {
      notes.push_back("resumed with " + shown(change));
    } else {
      refused += "\n  " + shown(change);
    }
  }
  if (!refused.empty()) {
    throw Error{ErrorCode::kConfig,
                "these keys may not change when a run is resumed (--allow-change KEY permits "
                "one):{}",
                refused};
  }
  return notes;
}

}  // namespace strata::train
