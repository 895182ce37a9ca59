#include "base/thread_pool.h"

#include <limits>

#include "base/check.h"

namespace strata {
namespace {

constexpr int kSpins = 2000;  // about 20 µs: longer than a gap between two kernels of one step

/// Spins, then blocks, until `value` differs from `old`.
uint32_t wait_for_change(const std::atomic<uint32_t>& value, uint32_t old) {
  for (int i = 0; i < kSpins; ++i) {
    const uint32_t now = value.load(std::memory_order_acquire);
    if (now != old) return now;
#if defined(__x86_64__)
    __builtin_ia32_pause();
#endif
  }
  while (value.load(std::memory_order_acquire) == old) value.wait(old, std::memory_order_acquire);
  return value.load(std::memory_order_acquire);
}

}  // namespace

ThreadPool::ThreadPool(int threads) {
  STRATA_CHECK(threads >= 1 && threads <= 1024, "threads", threads);
  for (int t = 1; t < threads; ++t) workers_.emplace_back([this, t] { worker_loop(t); });
}

ThreadPool::~ThreadPool() {
  stopping_.store(true, std::memory_order_relaxed);
  round_.fetch_add(1, std::memory_order_release);
  round_.notify_all();
  for (auto& worker : workers_) worker.join();
}

void ThreadPool::parallel_for(int64_t tasks, TaskRef task) {
  if (tasks <= 0) return;
  if (workers_.empty() || tasks == 1) {
    for (int64_t i = 0; i < tasks; ++i) task(i, 0);
    return;
  }
  STRATA_CHECK(tasks <= std::numeric_limits<uint32_t>::max(), "tasks", tasks);
  task_.store(&task, std::memory_order_relaxed);
  tasks_.store(static_cast<uint32_t>(tasks), std::memory_order_relaxed);
  error_ = nullptr;
  failed_.store(false, std::memory_order_relaxed);
  finished_.store(0, std::memory_order_relaxed);
  const uint32_t round = round_.load(std::memory_order_relaxed) + 1;
  unclaimed_.store(uint64_t{round} << 32 | static_cast<uint32_t>(tasks), std::memory_order_release);
  round_.store(round, std::memory_order_release);
  round_.notify_all();
  run_tasks(round, 0);
  for (uint32_t done = finished_.load(std::memory_order_acquire); done != tasks;) {
    done = wait_for_change(finished_, done);
  }
  if (error_) std::rethrow_exception(error_);
}

/// Claims and runs tasks of `round` until none is left or another round has begun. A claim that
/// succeeds took a task that was left, and the round lasts until that task is done: what tells of
/// the round is read after the claim and stays.
void ThreadPool::run_tasks(uint32_t round, int thread) {
  uint64_t unclaimed = unclaimed_.load(std::memory_order_acquire);
  for (;;) {
    const auto left = static_cast<uint32_t>(unclaimed);
    if (unclaimed >> 32 != round || left == 0) return;
    if (!unclaimed_.compare_exchange_weak(unclaimed, unclaimed - 1, std::memory_order_acq_rel)) {
      continue;
    }
    const uint32_t tasks = tasks_.load(std::memory_order_relaxed);
    run_task(*task_.load(std::memory_order_relaxed), tasks - left, thread);
    if (finished_.fetch_add(1, std::memory_order_acq_rel) + 1 == tasks) finished_.notify_one();
    unclaimed = unclaimed_.load(std::memory_order_acquire);
  }
}

void ThreadPool::run_task(const TaskRef& task, int64_t number, int thread) {
  if (failed_.load(std::memory_order_relaxed)) return;
  try {
    task(number, thread);
  } catch (...) {
    if (!failed_.exchange(true)) error_ = std::current_exception();
  }
}

void ThreadPool::worker_loop(int thread) {
  uint32_t seen = 0;
  for (;;) {
    seen = wait_for_change(round_, seen);
    if (stopping_.load(std::memory_order_relaxed)) return;
    run_tasks(seen, thread);
  }
}

}  // namespace strata
