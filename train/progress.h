#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <optional>
#include <string>

#include "kernels/metrics.h"

namespace strata::train {

/// "12,400".
std::string format_count(int64_t count);

/// Samples per second in few digits: "131 k", "8.2 M", "940".
std::string format_rate(double per_second);

/// A time span in one or two units: "40 s", "5 m", "2 h 10 m", "3 d 4 h".
std::string format_span(double seconds);

/// One line of progress. An absent value is left out.
struct ProgressLine {
  int64_t step = 0;
  std::optional<int64_t> total_steps{};
  double samples_per_second = 0;
  std::optional<double> loss{};
  std::optional<double> auc{};
  std::optional<double> eta_seconds{};
};

/// step 12,400/50,000 | 131 k samples/s | loss 0.4471 | auc 0.7893 | eta 5 m
std::string format_progress(const ProgressLine& line);

/// eval at step 12,400 | auc 0.7893 | logloss 0.4471 | ne 0.7901 | calibration 1.002 | 45,000
/// samples. What is undefined says so: "auc undefined (only one class)".
std::string format_evaluation(int64_t step, const kernels::EvalMetrics& metrics);

/// Samples per second, of training alone: evaluations and checkpoints are not added. Durations come
/// from a monotonic clock, so a jump of the wall clock cannot make a rate negative.
class RateMeter {
 public:
  void add(int64_t samples, double seconds);
  /// Samples per second since the last call.
  double lap();
  /// Samples per second over all.
  double overall() const;

 private:
  int64_t samples_ = 0;
  double seconds_ = 0;
  int64_t lap_samples_ = 0;
  double lap_seconds_ = 0;
};

/// Where progress goes: one line that is rewritten on a terminal, plain lines elsewhere. Not
/// thread-safe.
class ProgressDisplay {
 public:
  using Clock = std::chrono::steady_clock;
  /// `out` is borrowed; `terminal` as isatty says.
  ProgressDisplay(std::FILE* out, bool terminal) : out_(out), terminal_(terminal) {}

  /// True when it is time for another line: five a second on a terminal, one in ten seconds
  /// elsewhere; the first is always due.
  bool due(Clock::time_point now) const;
  void show(const std::string& line, Clock::time_point now);
  /// A lasting line: what is being rewritten is finished first.
  void note(const std::string& line);

 private:
  std::FILE* out_;
  bool terminal_;
  bool open_line_ = false;
  std::optional<Clock::time_point> last_;
};

}  // namespace strata::train
