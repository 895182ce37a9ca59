#include "base/config_fault.h"

#include <algorithm>

namespace strata {
namespace {

std::string text_of(const std::vector<ConfigFault>& faults) {
  std::string out;
  for (const ConfigFault& fault : faults) {
    out += (out.empty() ? "" : "\n") + fault.message;
    if (!fault.note.empty()) out += "; " + fault.note;
  }
  return out;
}

/// Damerau-Levenshtein distance (adjacent swaps), rows of the full matrix; names are short.
size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<size_t>> d(a.size() + 1, std::vector<size_t>(b.size() + 1));
  for (size_t i = 0; i <= a.size(); ++i) d[i][0] = i;
  for (size_t j = 0; j <= b.size(); ++j) d[0][j] = j;
  for (size_t i = 1; i <= a.size(); ++i) {
    for (size_t j = 1; j <= b.size(); ++j) {
      const size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
      d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + change});
      const bool swapped = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (swapped) d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
    }
  }
  return d[a.size()][b.size()];
}

}  // namespace

ConfigFaults::ConfigFaults(std::vector<ConfigFault> faults)
    : Error(ErrorCode::kConfig, text_of(faults)), faults_(std::move(faults)) {}

void throw_fault(ConfigFault fault) { throw ConfigFaults({std::move(fault)}); }

void FaultList::take(const ConfigFaults& thrown, const ConfigPath& root) {
  for (ConfigFault fault : thrown.faults()) {
    for (ConfigPath& path : fault.paths) path.insert(path.begin(), root.begin(), root.end());
    add(std::move(fault));
  }
}

void FaultList::throw_if_any() const {
  if (!faults_.empty()) throw ConfigFaults(faults_);
}

std::string nearest_name(std::string_view word, const std::vector<std::string>& candidates) {
  constexpr size_t kLongestName = 64;  // longer words are no slip of the finger
  if (word.size() > kLongestName) return {};
  std::string best;
  size_t best_distance = std::max<size_t>(1, word.size() / 3) + 1;
  for (const std::string& candidate : candidates) {
    const size_t distance = edit_distance(word, candidate);
    if (distance >= best_distance) continue;
    best_distance = distance;
    best = candidate;
  }
  return best;
}

std::string suggest_name(std::string_view word, const std::vector<std::string>& candidates,
                         std::string_view what) {
  const std::string near = nearest_name(word, candidates);
  if (!near.empty()) return fmt::format("did you mean '{}'?", near);
  std::string names;
  for (const std::string& name : candidates) names += (names.empty() ? "" : ", ") + name;
  return candidates.empty() ? "" : fmt::format("{}: {}", what, names);
}

}  // namespace strata
