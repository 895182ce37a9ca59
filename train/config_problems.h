#pragma once
// Where config values come from, and compiler-like reports of what is wrong with them.

#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"

namespace strata::train {

/// Exit 78 whose what() is already laid out like a compiler's messages, one block per problem.
class ConfigError : public Error {
 public:
  explicit ConfigError(const std::string& report, ErrorCode code = ErrorCode::kConfig)
      : Error(code, report) {}
};

/// One origin of config values. Later sources win over earlier ones.
struct ConfigSource {
  enum class Kind { kFile, kEnvironment, kCommandLine };
  Kind kind = Kind::kFile;
  std::string name;  // path of the file, name of the variable, or the text after --set
  std::string text;  // whole content; lines of it are quoted in reports
};

/// A span of characters in a source. `line` and `column` count from 1, `column` in bytes as read;
/// reports convert it to characters. `source` indexes the list of sources; -1 is "no place".
struct SourcePlace {
  int source = -1;
  int line = 1;
  int column = 1;
  int length = 1;  // bytes
};

/// Collects everything that is wrong, so that one run reports it all. Not thread-safe.
class Problems {
 public:
  /// Sources are added as they are read; returns the index that places refer to.
  int add_source(ConfigSource source);
  const ConfigSource& source(int index) const { return sources_.at(static_cast<size_t>(index)); }

  /// Reports `message` at `place`. `note` (may be empty) follows indented: "did you mean 'x'?".
  void add(const SourcePlace& place, std::string message, std::string note = {});

  bool empty() const { return entries_.empty(); }
  size_t size() const { return entries_.size(); }

  /// All problems in the order of their places, at most 20 of them spelt out.
  std::string report() const;

  /// Throws ConfigError (exit 78) if there is a problem.
  void throw_if_any() const;

  /// "configs/x.yaml:14", "environment STRATA_X" or "--set a=b"; "default" without a place.
  std::string origin(const SourcePlace& place) const;

 private:
  struct Entry {
    SourcePlace place;
    std::string message;
    std::string note;
  };
  std::string render(const Entry& entry) const;

  std::vector<ConfigSource> sources_;
  std::vector<Entry> entries_;
};

}  // namespace strata::train
