#include "storage/io_threads.h"

#include <algorithm>
#include <atomic>
#include <exception>

namespace strata::storage {

struct IoThreads::Job {
  Job(int64_t count, const std::function<void(int64_t)>& work) : tasks(count), task(work) {}

  const int64_t tasks;
  const std::function<void(int64_t)>& task;  // of the caller, who waits for what was claimed
  std::atomic<int64_t> next{0};
  std::mutex mutex;
  std::condition_variable done;
  int64_t finished = 0;  // tasks run or skipped
  std::exception_ptr error;

  /// Runs tasks until none is left to begin.
  void take_part() {
    int64_t mine = 0;
    for (int64_t i = next++; i < tasks; i = next++) {
      mine += run_one(i);
    }
    const std::lock_guard lock(mutex);
    finished += mine;
    if (finished == tasks) done.notify_all();
  }

 private:
  /// The number of tasks that this settles: one, or all that are left when it fails.
  int64_t run_one(int64_t i) {
    try {
      task(i);
      return 1;
    } catch (...) {
      const std::lock_guard lock(mutex);
      if (!error) error = std::current_exception();
      return 1 + std::max<int64_t>(0, tasks - next.exchange(tasks));
    }
  }
};

IoThreads::IoThreads(int threads) {
  for (int t = 1; t < threads; ++t) {
    workers_.emplace_back([this](const std::stop_token& stop) { work(stop); });
  }
}

IoThreads::~IoThreads() {
  for (auto& worker : workers_) worker.request_stop();
  wake_.notify_all();
}

void IoThreads::work(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (wake_.wait(lock, stop, [this] { return !jobs_.empty(); })) {
    const std::shared_ptr<Job> job = std::move(jobs_.front());
    jobs_.pop_front();
    lock.unlock();
    job->take_part();
    lock.lock();
  }
}

void IoThreads::run(int64_t tasks, const std::function<void(int64_t)>& task) {
  if (tasks == 0) return;
  const auto job = std::make_shared<Job>(tasks, task);
  const auto others = std::min<int64_t>(tasks - 1, static_cast<int64_t>(workers_.size()));
  if (others > 0) {
    const std::lock_guard lock(mutex_);
    jobs_.insert(jobs_.end(), static_cast<size_t>(others), job);
  }
  if (others == static_cast<int64_t>(workers_.size())) {
    wake_.notify_all();
  } else {
    for (int64_t i = 0; i < others; ++i) wake_.notify_one();
  }
  job->take_part();
  std::unique_lock lock(job->mutex);
  job->done.wait(lock, [&] { return job->finished == tasks; });
  if (job->error) std::rethrow_exception(job->error);
}

}  // namespace strata::storage
