#pragma once
// Threads that wait for a device, so that many requests are under way at the same time.

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

namespace strata::storage {

/// A fixed set of threads that block in system calls; computing belongs to base/thread_pool.h.
/// run() may be called by many threads at the same time; each takes part in its own job, so that a
/// job of one task touches no lock.
class IoThreads {
 public:
  /// `threads` >= 1: requests of one job under way, the caller's included.
  explicit IoThreads(int threads);
  ~IoThreads();
  IoThreads(const IoThreads&) = delete;
  IoThreads& operator=(const IoThreads&) = delete;

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  /// Runs task(0) … task(tasks - 1) and returns when all are done. The first exception is rethrown
  /// here; tasks that nobody has begun are then skipped.
  void run(int64_t tasks, const std::function<void(int64_t)>& task);

 private:
  struct Job;
  void work(const std::stop_token& stop);

  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::deque<std::shared_ptr<Job>> jobs_;  // one entry per thread that is asked to take part
  std::vector<std::jthread> workers_;
};

}  // namespace strata::storage
