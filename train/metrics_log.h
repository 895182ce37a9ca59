#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "train/append_file.h"

namespace strata::train {

/// Metrics of a run as files: one JSON object a line in metrics.jsonl, and the same numbers as
/// TensorBoard scalars. Not thread-safe.
class MetricsLog {
 public:
  /// `wall_seconds` since 1970 at the start of the session, for TensorBoard; everything after is
  /// counted on a monotonic clock by the caller. `warn` is told when a file cannot be written.
  struct Options {
    std::string jsonl_path;
    std::string events_path;
    double wall_seconds = 0;
    std::function<void(const std::string&)> warn;
  };
  explicit MetricsLog(Options options);

  /// Appends {"event": event, "step": step, "seconds": seconds, …values}. Numbers among `values`
  /// become scalars "<event>/<name>"; null is an undefined metric and becomes none.
  struct Record {
    std::string event;  // train | eval | resume | stop …
    int64_t step = 0;
    double seconds = 0;  // since the start of the session
    nlohmann::ordered_json values = nlohmann::ordered_json::object();
  };
  void write(const Record& record);

 private:
  void write_to(AppendFile& file, const std::string& bytes);

  Options options_;
  AppendFile jsonl_;
  AppendFile events_;
};

}  // namespace strata::train
