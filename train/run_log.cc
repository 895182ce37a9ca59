#include "train/run_log.h"

#include <fmt/format.h>

namespace strata::train {
namespace {

constexpr std::chrono::seconds kFileInterval{10};
constexpr std::chrono::seconds kWarmUp{2};

}  // namespace

RunLog::RunLog(const Options& options) : start_(options.start), file_(options.path) {
  if (options.out != nullptr) display_.emplace(options.out, options.terminal);
}

void RunLog::note(const std::string& line) {
  if (display_) display_->note(line);
  write(line, Clock::now());
}

bool RunLog::progress_due(Clock::time_point now) const {
  if (now - start_ < kWarmUp) return false;
  const bool file_due = !last_in_file_ || now - *last_in_file_ >= kFileInterval;
  return file_due || (display_ && display_->due(now));
}

void RunLog::progress(const std::string& line, Clock::time_point now) {
  if (display_ && display_->due(now)) display_->show(line, now);
  if (last_in_file_ && now - *last_in_file_ < kFileInterval) return;
  last_in_file_ = now;
  write(line, now);
}

void RunLog::write(const std::string& line, Clock::time_point now) {
  const double seconds = std::chrono::duration<double>(now - start_).count();
  const std::string failure = file_.write(fmt::format("[{:9.1f} s] {}\n", seconds, line));
  if (!failure.empty() && display_) display_->note("warning: " + failure);
}

}  // namespace strata::train
