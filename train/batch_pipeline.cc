#include "train/batch_pipeline.h"

#include "base/check.h"

namespace strata::train {

BatchPipeline::BatchPipeline(data::Reader& reader, embedding::Collection& collection,
                             int64_t accumulate)
    : reader_(reader), collection_(collection), accumulate_(accumulate) {
  STRATA_CHECK(accumulate >= 1, "accumulate", accumulate);
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

BatchPipeline::~BatchPipeline() = default;

UpdateInput* BatchPipeline::next() {
  std::unique_lock lock(mutex_);
  if (holding_) slots_[current_].state = SlotState::kEmpty;
  const size_t wanted = (current_ + 1) % kSlots;
  changed_.notify_all();
  changed_.wait(lock, [&] { return slots_[wanted].state != SlotState::kEmpty; });
  if (slots_[wanted].state == SlotState::kError) std::rethrow_exception(error_);
  holding_ = slots_[wanted].state == SlotState::kFull;
  if (!holding_) return nullptr;
  current_ = wanted;
  return &slots_[wanted].input;
}

void BatchPipeline::run(const std::stop_token& stop) {
  for (size_t slot = 0;; slot = (slot + 1) % kSlots) {
    {
      std::unique_lock lock(mutex_);
      const auto empty = [&] { return slots_[slot].state == SlotState::kEmpty; };
      if (!changed_.wait(lock, stop, empty)) return;
    }
    const SlotState state = fill(slots_[slot].input);
    const std::lock_guard lock(mutex_);
    slots_[slot].state = state;
    changed_.notify_all();
    if (state != SlotState::kFull) return;
  }
}

BatchPipeline::SlotState BatchPipeline::fill(UpdateInput& input) {
  try {
    input.used = 0;
    input.samples = 0;
    while (input.used < accumulate_ && read_part(input)) {
    }
    if (input.used == 0) return SlotState::kEnd;
    input.statistics = reader_.statistics();
    return SlotState::kFull;
  } catch (...) {
    error_ = std::current_exception();
    return SlotState::kError;
  }
}

bool BatchPipeline::read_part(UpdateInput& input) {
  if (input.used > 0 && reader_.position().epoch != input.first.epoch) return false;
  if (std::ssize(input.parts) == input.used) input.parts.emplace_back();
  KeyedInput& part = input.parts[input.used];
  if (!reader_.next(part.batch)) return false;
  collection_.prepare(part.batch, part.keys, one_thread_);
  collection_.fetch_ahead(part.keys);
  if (input.used == 0) input.first = part.batch.position;
  input.next = part.batch.position;
  if (++input.next.batch == reader_.batches_per_epoch()) input.next = {input.next.epoch + 1, 0};
  input.samples += part.batch.size;
  ++input.used;
  return true;
}

}  // namespace strata::train
