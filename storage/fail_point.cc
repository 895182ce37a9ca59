#include "storage/fail_point.h"

#include <fmt/format.h>

namespace strata::storage {

std::vector<FailPoint> all_fail_points() {
  std::vector<FailPoint> points;
  for (const auto& [step, name] : EnumNames<DurableStep>::kNames) {
    points.push_back({.step = step, .after = false});
    points.push_back({.step = step, .after = true});
  }
  return points;
}

std::string fail_point_name(FailPoint point) {
  return fmt::format("{} {}", point.after ? "after" : "before", enum_name(point.step));
}

std::optional<FailPoint> find_fail_point(std::string_view name) {
  for (const FailPoint point : all_fail_points()) {
    if (fail_point_name(point) == name) return point;
  }
  return std::nullopt;
}

}  // namespace strata::storage
