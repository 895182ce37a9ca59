#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <stop_token>
#include <thread>
#include <vector>

#include "base/batch.h"
#include "base/thread_pool.h"
#include "data/reader.h"
#include "embedding/collection.h"

namespace strata::train {

/// A batch with its keys hashed and deduplicated.
struct KeyedInput {
  Batch batch;
  embedding::KeyedBatch keys;
};

/// What one update is formed from: up to `accumulate` batches of one epoch.
struct UpdateInput {
  std::vector<KeyedInput> parts;  // only the first `used` count
  int64_t used = 0;
  int64_t samples = 0;              // of all used parts: the global batch
  BatchPosition first;              // of the first part
  BatchPosition next;               // first batch after this update
  data::ReadStatistics statistics;  // of the reader, after the last part
};

/// Reads, keys and deduplicates the input of update n+1 while update n computes (DESIGN, steps 1 to
/// 3), and fetches its rows from the SSD where there is one. A thread of its own fills slots in
/// order; what it makes depends on the reader alone, never on timing. One consumer. Reader and
/// collection outlive the pipeline, and nobody else uses the reader meanwhile.
class BatchPipeline {
 public:
  /// `accumulate` >= 1 batches per update; a group never crosses the end of an epoch.
  BatchPipeline(data::Reader& reader, embedding::Collection& collection, int64_t accumulate);
  ~BatchPipeline();
  BatchPipeline(const BatchPipeline&) = delete;
  BatchPipeline& operator=(const BatchPipeline&) = delete;

  /// The next update's input, or nullptr at the end of the data. It stays valid until the next
  /// call, which hands its buffers back. Rethrows what reading or keying threw.
  UpdateInput* next();

 private:
  static constexpr size_t kSlots = 2;  // one computes while the other is filled

  enum class SlotState : uint8_t { kEmpty, kFull, kEnd, kError };
  struct Slot {
    UpdateInput input;
    SlotState state = SlotState::kEmpty;
  };

  void run(const std::stop_token& stop);
  SlotState fill(UpdateInput& input);
  bool read_part(UpdateInput& input);

  data::Reader& reader_;
  embedding::Collection& collection_;
  int64_t accumulate_;
  ThreadPool one_thread_{1};
  std::mutex mutex_;
  std::condition_variable_any changed_;
  Slot slots_[kSlots];
  size_t current_ = kSlots - 1;  // slot the consumer holds
  bool holding_ = false;
  std::exception_ptr error_;
  std::jthread thread_;  // last: starts when everything else stands
};

}  // namespace strata::train
