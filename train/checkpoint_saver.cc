#include "train/checkpoint_saver.h"

#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <utility>

#include "base/check.h"

namespace strata::train {
namespace {

constexpr int kNice = 10;  // of the saving thread: a step in between goes first

SavedCheckpoint save(storage::FileSystem& files, CheckpointCut& cut, const Retention& retention,
                     const std::stop_token& stop) {
  const auto begun = std::chrono::steady_clock::now();
  SavedCheckpoint saved{.name = save_checkpoint(files, cut, retention, stop),
                        .step = cut.text.state.step};
  for (int table = 0; table < cut.tables.collection().tables(); ++table) {
    saved.rows += cut.tables.rows(table);
  }
  saved.copied_bytes = cut.tables.peak_bytes();
  saved.waits = cut.tables.waits();
  saved.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
  return saved;
}

}  // namespace

CheckpointSaver::~CheckpointSaver() { give_up(); }

void CheckpointSaver::begin(CheckpointCut cut, const Retention& retention) {
  STRATA_CHECK(!pending_, "the outcome of the checkpoint before is not collected");
  done_ = false;
  error_ = nullptr;
  thread_ =
      std::jthread([this, cut = std::move(cut), retention](const std::stop_token& stop) mutable {
        setpriority(PRIO_PROCESS, static_cast<id_t>(gettid()), kNice);  // of this thread
        run(std::move(cut), retention, stop);
        const std::lock_guard lock(mutex_);
        done_ = true;
        done_changed_.notify_all();
      });
  pending_ = true;
}

/// The cut is gone when this returns: training may cut again when it hears of the end.
void CheckpointSaver::run(CheckpointCut cut, const Retention& retention,
                          const std::stop_token& stop) {
  try {
    saved_ = save(files_, cut, retention, stop);
  } catch (...) {
    error_ = std::current_exception();
  }
}

std::optional<SavedCheckpoint> CheckpointSaver::poll() {
  if (!pending_) return std::nullopt;
  {
    const std::lock_guard lock(mutex_);
    if (!done_) return std::nullopt;
  }
  return collect();
}

SavedCheckpoint CheckpointSaver::wait() {
  STRATA_CHECK(pending_, "no checkpoint was begun");
  {
    std::unique_lock lock(mutex_);
    done_changed_.wait(lock, [&] { return done_; });
  }
  return collect();
}

SavedCheckpoint CheckpointSaver::collect() {
  pending_ = false;
  if (error_) std::rethrow_exception(error_);
  return saved_;
}

}  // namespace strata::train
