#include "base/thread_pool.h"

#include <gtest/gtest.h>

#include <numeric>
#include <stdexcept>

namespace strata {
namespace {

class ThreadPools : public testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Threads, ThreadPools, testing::Values(1, 2, 4, 16));

TEST_P(ThreadPools, RunsEachTaskOnceForManyRounds) {
  ThreadPool pool(GetParam());
  for (int64_t tasks : {0, 1, 2, 7, 1000}) {
    for (int round = 0; round < 200; ++round) {
      std::vector<int> hits(tasks, 0);
      pool.parallel_for(tasks, [&](int64_t i, int thread) {
        ASSERT_LT(thread, pool.threads());
        ++hits[i];
      });
      for (int hit : hits) ASSERT_EQ(hit, 1);
    }
  }
}

TEST_P(ThreadPools, LateWorkersTakeNoTaskOfAnotherRound) {
  ThreadPool pool(GetParam());
  std::vector<int> hits(64);
  for (int64_t round = 0; round < 30'000; ++round) {
    const int64_t tasks = 2 + round * 7 % 60;
    pool.parallel_for(tasks, [&, tasks](int64_t i, int) {
      ASSERT_LT(i, tasks);
      ++hits[i];
    });
    for (int64_t i = 0; i < 64; ++i) {
      ASSERT_EQ(hits[i], i < tasks ? 1 : 0) << "round " << round << " task " << i;
      hits[i] = 0;
    }
  }
}

TEST_P(ThreadPools, RethrowsATasksExceptionAndStaysUsable) {
  ThreadPool pool(GetParam());
  EXPECT_THROW(pool.parallel_for(100,
                                 [](int64_t i, int) {
                                   if (i == 17) throw std::runtime_error("task 17");
                                 }),
               std::runtime_error);
  std::vector<int64_t> out(50);
  pool.parallel_for(50, [&](int64_t i, int) { out[i] = i; });
  EXPECT_EQ(std::accumulate(out.begin(), out.end(), int64_t{0}), 49 * 25);
}

}  // namespace
}  // namespace strata
