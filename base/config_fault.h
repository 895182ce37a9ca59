#pragma once
// What is wrong with a config, told by rooms that do not know where its values came from: train/
// finds the place (train/config_place.h).

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.h"

namespace strata {

/// Keys from the root: {"data", "columns", "city", "source"}. An item of a list is named by its
/// `name`, or by its index: item_key(2).
using ConfigPath = std::vector<std::string>;

inline std::string item_key(size_t index) { return fmt::format("[{}]", index); }

/// `paths`: the values it is about, the likeliest culprit first. `note` (may be empty) says how to
/// mend it: "did you mean 'x'?".
struct ConfigFault {
  std::vector<ConfigPath> paths;
  std::string message;
  std::string note{};
};

/// Error{config} that names its values; what() has a line per fault.
class ConfigFaults : public Error {
 public:
  explicit ConfigFaults(std::vector<ConfigFault> faults);
  const std::vector<ConfigFault>& faults() const { return faults_; }

 private:
  std::vector<ConfigFault> faults_;
};

/// Throws ConfigFaults of one fault.
[[noreturn]] void throw_fault(ConfigFault fault);

/// Gathers faults, so that one run tells them all.
class FaultList {
 public:
  void add(ConfigFault fault) { faults_.push_back(std::move(fault)); }
  /// Runs `body` and takes the ConfigFaults that leave it, `root` before their paths. False if it
  /// threw.
  template <class F>
  bool collect(F&& body, const ConfigPath& root = {}) {
    try {
      std::forward<F>(body)();
      return true;
    } catch (const ConfigFaults& thrown) {
      take(thrown, root);
      return false;
    }
  }
  /// Throws ConfigFaults if there is a fault.
  void throw_if_any() const;

 private:
  void take(const ConfigFaults& thrown, const ConfigPath& root);
  std::vector<ConfigFault> faults_;
};

/// The candidate nearest to `word` by edit distance (swaps count one), if it is near enough to be
/// a slip: at most a third of the word, at least 1. Empty when none is.
std::string nearest_name(std::string_view word, const std::vector<std::string>& candidates);

/// "did you mean 'x'?", or without a near name "`what`: a, b, c".
std::string suggest_name(std::string_view word, const std::vector<std::string>& candidates,
                         std::string_view what);

}  // namespace strata
