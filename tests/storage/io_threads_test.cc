#include "storage/io_threads.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>

#include "base/error.h"

namespace strata::storage {
namespace {

TEST(IoThreads, EveryTaskRunsOnce) {
  for (const int threads : {1, 2, 8}) {
    IoThreads pool(threads);
    for (const int64_t tasks : {0, 1, 7, 1000}) {
      std::vector<std::atomic<int>> runs(tasks);
      pool.run(tasks, [&](int64_t i) { ++runs[i]; });
      for (const auto& count : runs) EXPECT_EQ(count, 1);
    }
  }
}

TEST(IoThreads, ManyCallersShareThem) {
  IoThreads pool(4);
  std::atomic<int64_t> sum{0};
  std::vector<std::jthread> callers;
  for (int c = 0; c < 6; ++c) {
    callers.emplace_back([&] {
      for (int round = 0; round < 50; ++round) pool.run(20, [&](int64_t i) { sum += i; });
    });
  }
  callers.clear();
  EXPECT_EQ(sum, 6 * 50 * 190);
}

TEST(IoThreads, RequestsWaitTogether) {
  IoThreads pool(8);
  std::atomic<int> waiting{0};
  std::mutex mutex;
  std::condition_variable all;
  pool.run(8, [&](int64_t) {
    std::unique_lock lock(mutex);
    if (++waiting == 8) all.notify_all();
    EXPECT_TRUE(all.wait_for(lock, std::chrono::seconds(30), [&] { return waiting == 8; }));
  });
}

TEST(IoThreads, TheFirstErrorIsThrownAndTheRestSkipped) {
  IoThreads pool(4);
  for (int round = 0; round < 100; ++round) {
    std::atomic<int64_t> begun{0};
    EXPECT_THROW(pool.run(1 << 20,
                          [&](int64_t i) {
                            ++begun;
                            if (i % 5 == 3) throw Error(ErrorCode::kIo, "disk");
                          }),
                 Error);
    EXPECT_LT(begun, 1 << 20);
  }
  std::atomic<int> after{0};
  pool.run(10, [&](int64_t) { ++after; });
  EXPECT_EQ(after, 10);
}

}  // namespace
}  // namespace strata::storage
