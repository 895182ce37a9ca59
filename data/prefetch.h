#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "data/reader.h"

namespace strata::data {

/// Makes batches ahead of their use on one background thread, at most `depth` of them.
/// Batches are swapped through the queue, so their buffers are reused and nothing is allocated once
/// they have grown. What the inner reader throws is thrown by the next() that would have given the
/// batch, after all batches before it; the reader has then ended until seek().
class PrefetchReader final : public Reader {
 public:
  /// `depth` >= 1.
  PrefetchReader(std::unique_ptr<Reader> inner, int64_t depth);
  ~PrefetchReader() override;

  bool next(Batch& batch) override;
  void seek(BatchPosition position) override;
  BatchPosition position() const override { return position_; }
  int64_t batches_per_epoch() const override { return inner_->batches_per_epoch(); }
  int64_t rows_per_epoch() const override { return inner_->rows_per_epoch(); }
  uint64_t input_digest() const override { return digest_; }
  ReadStatistics statistics() const override { return statistics_; }

 private:
  /// A batch and what the inner reader said after it.
  struct Slot {
    Batch batch;
    BatchPosition after;
    ReadStatistics statistics;
  };

  void start();
  void stop();
  void fill(const std::stop_token& stopping);
  Slot* free_slot(const std::stop_token& stopping);

  std::unique_ptr<Reader> inner_;  // the background thread's while it runs
  uint64_t digest_;
  BatchPosition position_;
  ReadStatistics statistics_;

  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::vector<Slot> slots_;  // ring: [taken_, made_) modulo its size
  uint64_t made_ = 0;
  uint64_t taken_ = 0;
  bool ended_ = false;        // no more batches will be made
  std::exception_ptr error_;  // why, when it was not the end of the plan
  std::jthread thread_;       // last: it stops before the rest goes
};

}  // namespace strata::data
