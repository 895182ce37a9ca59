#include "data/prefetch.h"

#include <gtest/gtest.h>

#include <atomic>

#include "base/error.h"

namespace strata::data {
namespace {

/// Gives batches 0 … 99, or throws at one of them. Remembers how far it was asked.
class CountingReader final : public Reader {
 public:
  explicit CountingReader(int64_t fails_at = -1) : fails_at_(fails_at) {}
  bool next(Batch& batch) override {
    if (at_ == fails_at_) throw Error{ErrorCode::kData, "batch {}", at_};
    if (at_ >= 100) return false;
    batch.position = {0, at_};
    batch.labels.assign(4, static_cast<float>(at_));
    made = ++at_;
    return true;
  }
  void seek(BatchPosition position) override { at_ = position.batch; }
  BatchPosition position() const override { return {0, at_}; }
  int64_t batches_per_epoch() const override { return 100; }
  int64_t rows_per_epoch() const override { return 400; }
  uint64_t input_digest() const override { return 7; }
  ReadStatistics statistics() const override { return {.lines = at_ * 4}; }

  std::atomic<int64_t> made{0};

 private:
  int64_t at_ = 0;
  int64_t fails_at_;
};

TEST(Prefetch, GivesTheSameBatchesInOrder) {
  for (const int64_t depth : {1, 2, 7, 200}) {
    PrefetchReader reader(std::make_unique<CountingReader>(), depth);
    Batch batch;
    for (int64_t i = 0; i < 100; ++i) {
      EXPECT_EQ(reader.position().batch, i);
      ASSERT_TRUE(reader.next(batch));
      EXPECT_EQ(batch.position.batch, i);
      EXPECT_EQ(batch.labels[0], static_cast<float>(i));
      EXPECT_EQ(reader.statistics().lines, (i + 1) * 4);
    }
    EXPECT_FALSE(reader.next(batch));
    EXPECT_FALSE(reader.next(batch));
    EXPECT_EQ(batch.position.batch, 99);
  }
}

TEST(Prefetch, StaysWithinItsDepth) {
  auto inner = std::make_unique<CountingReader>();
  CountingReader& counting = *inner;
  PrefetchReader reader(std::move(inner), 3);
  Batch batch;
  for (int64_t i = 1; i <= 50; ++i) {
    ASSERT_TRUE(reader.next(batch));
    EXPECT_LE(counting.made.load(), i + 3);
  }
}

TEST(Prefetch, ErrorsArriveAfterTheBatchesBeforeThem) {
  PrefetchReader reader(std::make_unique<CountingReader>(5), 3);
  Batch batch;
  for (int64_t i = 0; i < 5; ++i) ASSERT_TRUE(reader.next(batch));
  EXPECT_THROW(reader.next(batch), Error);
  EXPECT_THROW(reader.next(batch), Error);
  reader.seek({0, 98});
  ASSERT_TRUE(reader.next(batch));
  EXPECT_EQ(batch.position.batch, 98);
}

TEST(Prefetch, SeekForgetsWhatWasMade) {
  PrefetchReader reader(std::make_unique<CountingReader>(), 4);
  Batch batch;
  for (const int64_t at : {90, 0, 50, 99, 1}) {
    reader.seek({0, at});
    ASSERT_TRUE(reader.next(batch));
    EXPECT_EQ(batch.position.batch, at);
  }
}

TEST(Prefetch, EndsWithoutBeingRead) {
  for (int i = 0; i < 20; ++i) {
    PrefetchReader reader(std::make_unique<CountingReader>(), 2);
  }
}

}  // namespace
}  // namespace strata::data
