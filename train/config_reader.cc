#include "train/config_reader.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/config_fault.h"

namespace strata::train {

void report_unknown_keys(const YamlNode& map, const std::vector<std::string>& known,
                         const ReadContext& context) {
  for (const YamlEntry& entry : map.entries) {
    if (std::find(known.begin(), known.end(), entry.key) != known.end()) continue;
    const std::string where = context.path.empty() ? "" : fmt::format(" in '{}'", context.path);
    context.problems.add(
        entry.key_place, fmt::format("unknown key '{}'{}", entry.key, where),
        known.empty() ? "there are no keys here" : suggest_name(entry.key, known, "known keys"));
  }
}

YamlNode expand_shorthand(const YamlNode& scalar, std::string_view key) {
  YamlNode map;
  map.kind = YamlNode::Kind::kMap;
  map.place = scalar.place;
  map.entries.push_back({std::string(key), scalar.place, scalar});
  return map;
}

}  // namespace strata::train
