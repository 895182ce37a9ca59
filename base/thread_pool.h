#pragma once

#include <atomic>
#include <cstdint>
#include <exception>
#include <memory>
#include <thread>
#include <type_traits>
#include <vector>

namespace strata {

/// A borrowed callable void(int64_t task, int thread); valid while the callable lives.
class TaskRef {
 public:
  template <class F>
  requires(!std::is_same_v<std::remove_cvref_t<F>, TaskRef>)
      TaskRef(F&& f)  // NOLINT(google-explicit-constructor): call sites pass lambdas
      : object_(const_cast<void*>(static_cast<const void*>(&f))),
        call_([](void* object, int64_t task, int thread) {
          (*static_cast<std::remove_reference_t<F>*>(object))(task, thread);
        }) {}
  void operator()(int64_t task, int thread) const { call_(object_, task, thread); }

 private:
  void* object_;
  void (*call_)(void*, int64_t, int);
};

/// A fixed set of threads that run numbered tasks. The caller takes part as thread 0.
///
/// Tasks are handed out dynamically; results must therefore not depend on which thread ran a task
/// (DESIGN, determinism law). The caller waits for tasks that somebody has begun, never for a
/// worker that has not woken up; workers spin briefly, then block: a core that others use costs
/// little. parallel_for is called by one thread at a time; it does not nest.
class ThreadPool {
 public:
  /// `threads` >= 1, the calling thread included.
  explicit ThreadPool(int threads);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int threads() const { return static_cast<int>(workers_.size()) + 1; }

  /// Runs task(0) … task(tasks - 1), tasks < 2^32, and returns when all are done. The first
  /// exception thrown by a task is rethrown here; the remaining tasks are then skipped.
  void parallel_for(int64_t tasks, TaskRef task);

 private:
  void worker_loop(int thread);
  void run_tasks(uint32_t round, int thread);
  void run_task(const TaskRef& task, int64_t number, int thread);

  std::vector<std::thread> workers_;
  std::exception_ptr error_;
  std::atomic<bool> failed_{false};
  std::atomic<bool> stopping_{false};
  // What the tasks of the current round are: written between rounds, read with a claimed task only.
  std::atomic<const TaskRef*> task_{nullptr};
  std::atomic<uint32_t> tasks_{0};
  alignas(64) std::atomic<uint64_t> unclaimed_{0};  // round << 32 | tasks that nobody has begun
  alignas(64) std::atomic<uint32_t> round_{0};
  alignas(64) std::atomic<uint32_t> finished_{0};  // tasks of the current round
};

}  // namespace strata
