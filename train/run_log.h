#pragma once

#include <cstdio>
#include <optional>
#include <string>

#include "train/append_file.h"
#include "train/progress.h"

namespace strata::train {

/// What a run says to people: on the terminal (or whatever standard error is) and in log.txt, there
/// with the seconds since the session began. Not thread-safe.
class RunLog {
 public:
  using Clock = ProgressDisplay::Clock;
  /// `out` is borrowed; null: the file alone.
  struct Options {
    std::string path;
    std::FILE* out = nullptr;
    bool terminal = false;
    Clock::time_point start{};
  };
  explicit RunLog(const Options& options);

  /// A lasting line.
  void note(const std::string& line);

  bool progress_due(Clock::time_point now) const;
  /// A line of progress, shown where it is due; not in the first seconds, whose rates mean nothing.
  void progress(const std::string& line, Clock::time_point now);

 private:
  void write(const std::string& line, Clock::time_point now);

  Clock::time_point start_;
  AppendFile file_;
  std::optional<ProgressDisplay> display_;
  std::optional<Clock::time_point> last_in_file_;
};

}  // namespace strata::train
