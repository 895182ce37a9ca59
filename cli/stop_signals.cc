#include "cli/stop_signals.h"

#include <pthread.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <string>

namespace strata::cli {
namespace {

sigset_t stop_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals, signal);
  return signals;
}

/// Ends the process without destructors: other threads still run.
[[noreturn]] void end_now(int signal) { _exit(128 + signal); }

}  // namespace

StopSignals::StopSignals(double grace_seconds) : grace_seconds_(grace_seconds) {
  const sigset_t signals = stop_signals();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  watcher_ = std::jthread([this](const std::stop_token& done) { watch(done); });
}

void StopSignals::watch(const std::stop_token& done) {
  using Clock = std::chrono::steady_clock;
  constexpr timespec kPoll = {.tv_sec = 0, .tv_nsec = 50'000'000};  // how late `done` is noticed
  const sigset_t signals = stop_signals();
  int first = 0;
  Clock::time_point deadline{};
  while (!done.stop_requested()) {
    const int signal = sigtimedwait(&signals, nullptr, &kPoll);
    if (signal > 0 && first != 0) end_now(signal);
    if (signal > 0) {
      first = signal;
      deadline = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                    std::chrono::duration<double>(grace_seconds_));
      std::fputs("stopping: the step is finished and saved; a second signal stops at once\n",
                 stderr);
      stop_.request_stop();
    }
    if (first != 0 && Clock::now() > deadline) {
      std::fputs("stopped: checkpoint.grace is over; the checkpoint before stays\n", stderr);
      end_now(first);
    }
  }
}

}  // namespace strata::cli
