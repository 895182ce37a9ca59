#pragma once

#include <condition_variable>
#include <cstdint>
#include <exception>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "train/checkpoint.h"

namespace strata::train {

/// A checkpoint that is on the disk.
struct SavedCheckpoint {
  std::string name;
  int64_t step = 0;
  int64_t rows = 0;
  double seconds = 0;        // from the cut on
  int64_t copied_bytes = 0;  // the most that rows which changed meanwhile took at one moment
  int64_t waits = 0;         // how often training waited for it (checkpoint.reserve)
};

/// Writes checkpoints on a thread of its own, one at a time, while training goes on.
/// Used by one thread.
class CheckpointSaver {
 public:
  /// `files` outlives the saver, as do the tables of every cut.
  explicit CheckpointSaver(storage::FileSystem& files) : files_(files) {}
  /// Gives up what is being written.
  ~CheckpointSaver();

  /// The one before has been collected.
  void begin(CheckpointCut cut, const Retention& retention);
  /// True from begin until the outcome is collected.
  bool pending() const { return pending_; }
  /// The checkpoint that was begun last, when it is done: once. Rethrows why it failed.
  std::optional<SavedCheckpoint> poll();
  /// Waits for it; it must be pending.
  SavedCheckpoint wait();
  /// Lets the one that is pending end early, with Error{stopped}, if it is not about to be done.
  void give_up() { thread_.request_stop(); }

 private:
  void run(CheckpointCut cut, const Retention& retention, const std::stop_token& stop);
  SavedCheckpoint collect();

  storage::FileSystem& files_;
  bool pending_ = false;
  std::mutex mutex_;  // of what the thread leaves behind
  std::condition_variable done_changed_;
  bool done_ = false;
  SavedCheckpoint saved_;
  std::exception_ptr error_;
  std::jthread thread_;
};

}  // namespace strata::train
