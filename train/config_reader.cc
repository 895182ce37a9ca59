#include "train/config_reader.h"

#include <fmt/format.h>

#include <algorithm>

namespace strata::train {

void report_unknown_keys(const YamlNode& map, const std::vector<std::string>& known,
                         const ReadContext& context) {
  for (const YamlEntry& entry : map.entries) {
    if (std::find(known.begin(), known.end(), entry.key) != known.end()) continue;
    const std::string where = context.path.empty() ? "" : fmt::format(" in '{}'", context.path);
    const std::string near = nearest_name(entry.key, known);
    const std::string note =
        near.empty() ? "known keys: " + join(known, ", ") : fmt::format("did you mean '{}'?", near);
    context.problems.add(entry.key_place, fmt::format("unknown key '{}'{}", entry.key, where),
                         known.empty() ? "there are no keys here" : note);
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
