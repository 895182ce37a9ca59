#pragma once
// What `strata doctor` looks at: the machine, the build, and what is missing.

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace strata::cli {

/// One line of the report.
struct Finding {
  enum class State { kGood, kNote, kMissing };
  State state = State::kGood;
  std::string subject;   // "memory"
  std::string value;     // "23.5 GiB, 21.0 GiB free"
  std::string disables;  // of what is missing: what does not work or is slower
  std::string mend;      // the command that mends it
};

/// Examines build and machine; reads /proc and /sys, opens libcuda, writes nothing.
std::vector<Finding> examine();

std::string to_text(const std::vector<Finding>& findings);
nlohmann::ordered_json to_json(const std::vector<Finding>& findings);

}  // namespace strata::cli
