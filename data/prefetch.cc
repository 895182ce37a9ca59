#include "data/prefetch.h"

#include <utility>

#include "base/check.h"

namespace strata::data {

PrefetchReader::PrefetchReader(std::unique_ptr<Reader> inner, int64_t depth)
    : inner_(std::move(inner)),
      digest_(inner_->input_digest()),
      position_(inner_->position()),
      slots_(static_cast<size_t>(depth)) {
  STRATA_CHECK(depth >= 1, "prefetch depth", depth);
  start();
}

PrefetchReader::~PrefetchReader() { stop(); }

void PrefetchReader::start() {
  thread_ = std::jthread([this](const std::stop_token& stopping) { fill(stopping); });
}

void PrefetchReader::stop() {
  thread_.request_stop();
  changed_.notify_all();
  if (thread_.joinable()) thread_.join();
}

/// Waits for a slot outside [taken_, made_); null when it is time to stop.
PrefetchReader::Slot* PrefetchReader::free_slot(const std::stop_token& stopping) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, stopping, [&] { return made_ - taken_ < slots_.size(); });
  return stopping.stop_requested() ? nullptr : &slots_[made_ % slots_.size()];
}

/// The background thread. A slot outside [taken_, made_) is its own; the inner reader, too.
void PrefetchReader::fill(const std::stop_token& stopping) {
  try {
    while (Slot* slot = free_slot(stopping)) {
      const bool more = inner_->next(slot->batch);
      slot->after = inner_->position();
      slot->statistics = inner_->statistics();
      const std::lock_guard lock(mutex_);
      ended_ = !more;
      made_ += more;
      changed_.notify_all();
      if (!more) return;
    }
  } catch (...) {
    const std::lock_guard lock(mutex_);
    error_ = std::current_exception();
    ended_ = true;
    changed_.notify_all();
  }
}

bool PrefetchReader::next(Batch& batch) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return made_ > taken_ || ended_; });
  if (made_ == taken_) {
    if (error_) std::rethrow_exception(error_);
    return false;
  }
  Slot& slot = slots_[taken_ % slots_.size()];
  std::swap(batch, slot.batch);
  std::swap(statistics_, slot.statistics);
  position_ = slot.after;
  ++taken_;
  changed_.notify_all();
  return true;
}

void PrefetchReader::seek(BatchPosition position) {
  stop();
  made_ = taken_ = 0;
  ended_ = false;
  error_ = nullptr;
  inner_->seek(position);
  position_ = inner_->position();
  statistics_ = inner_->statistics();
  start();
}

}  // namespace strata::data
