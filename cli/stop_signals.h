#pragma once
// SIGINT, SIGTERM and SIGHUP as a wish to stop.

#include <atomic>
#include <stop_token>
#include <thread>

namespace strata::cli {

/// While it lives, the first of these signals requests a stop; the second, or `grace_seconds` after
/// the first, ends the process at once with 128 + signal (130, 143). Made before any other thread:
/// threads inherit the blocked signals.
class StopSignals {
 public:
  explicit StopSignals(double grace_seconds);
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

  std::stop_token token() const { return stop_.get_token(); }

 private:
  void watch(const std::stop_token& done);

  double grace_seconds_;
  std::stop_source stop_;
  std::jthread watcher_;  // last: it uses the others
};

}  // namespace strata::cli
