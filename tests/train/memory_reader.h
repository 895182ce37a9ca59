#pragma once
// A reader over samples made from a counter: a small task with a hidden rule, in an order that is
// a pure function of (seed, epoch).

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <mutex>
#include <numeric>
#include <string>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "data/reader.h"

namespace strata::train {

struct MemoryTask {
  int64_t rows = 1000;
  int dense = 3;
  float dense_scale = 1;
  int features = 3;
  uint64_t ids_per_feature = 50;
  uint64_t seed = 11;
  bool sample_weights = false;
};

/// Which samples came in which batch, in the order they were given.
struct GivenBatch {
  BatchPosition position;
  std::vector<std::string> sample_ids;
};

class MemoryReader final : public data::Reader {
 public:
  MemoryReader(const MemoryTask& task, const data::ReadPlan& plan, bool shuffle = true)
      : task_(task), plan_(plan), shuffle_(shuffle), position_(plan.start) {}

  bool next(Batch& batch) override {
    if (plan_.epochs > 0 && position_.epoch >= plan_.epochs) return false;
    fill(batch);
    {
      const std::scoped_lock lock(given_mutex_);
      given_.push_back({batch.position, batch.sample_ids});
    }
    if (++position_.batch == batches_per_epoch()) position_ = {position_.epoch + 1, 0};
    return true;
  }
  void seek(BatchPosition position) override { position_ = position; }
  BatchPosition position() const override { return position_; }
  int64_t batches_per_epoch() const override {
    return (task_.rows + plan_.batch_size - 1) / plan_.batch_size;
  }
  int64_t rows_per_epoch() const override { return task_.rows; }
  uint64_t input_digest() const override { return combine64(task_.seed, task_.rows); }
  data::ReadStatistics statistics() const override { return {}; }

  /// As of now: a pipeline may be reading ahead.
  std::vector<GivenBatch> given() const {
    const std::scoped_lock lock(given_mutex_);
    return given_;
  }

 private:
  std::vector<int64_t> order() const {
    std::vector<int64_t> rows(task_.rows);
    std::iota(rows.begin(), rows.end(), 0);
    if (!shuffle_) return rows;
    const CounterRng rng{combine64(plan_.seed, position_.epoch)};
    std::sort(rows.begin(), rows.end(), [&](int64_t a, int64_t b) {
      return std::pair(rng.bits(a), a) < std::pair(rng.bits(b), b);
    });
    return rows;
  }

  void fill(Batch& batch) const {
    const std::vector<int64_t> all = order();
    const int64_t begin = position_.batch * plan_.batch_size;
    const int64_t end = std::min(begin + plan_.batch_size, task_.rows);
    const std::vector<int64_t> rows(all.begin() + begin, all.begin() + end);
    batch = Batch{};
    batch.position = position_;
    batch.size = end - begin;
    for (int chunk = 0; chunk <= plan_.chunks; ++chunk) {
      batch.chunk_begin.push_back(std::min(batch.size, plan_.batch_size * chunk / plan_.chunks));
    }
    for (const int64_t row : rows) add_dense_part(row, batch);
    batch.offsets.push_back(0);
    for (int feature = 0; feature < task_.features; ++feature) {
      for (const int64_t row : rows) {
        batch.ids.push_back(id(row, feature));
        batch.offsets.push_back(std::ssize(batch.ids));
      }
    }
  }

  void add_dense_part(int64_t row, Batch& batch) const {
    for (int i = 0; i < task_.dense; ++i) batch.dense.push_back(dense(row, i));
    batch.labels.push_back(label(row));
    batch.sample_ids.push_back(std::to_string(row));
    if (task_.sample_weights) batch.sample_weights.push_back(0.5f + rng(row, 99).uniform(0));
  }

  CounterRng rng(int64_t row, uint64_t column) const {
    return {combine64(combine64(task_.seed, row), column)};
  }
  float dense(int64_t row, int i) const {
    return (2 * rng(row, i).uniform(0) - 1) * task_.dense_scale;
  }
  uint64_t id(int64_t row, int feature) const {
    return rng(row, 1000 + feature).below(0, task_.ids_per_feature);
  }
  /// The hidden rule: every id has an effect, the first number too.
  float label(int64_t row) const {
    float logit = task_.dense > 0 ? 2 * dense(row, 0) / task_.dense_scale : 0;
    for (int feature = 0; feature < task_.features; ++feature) {
      logit += 4 * CounterRng{combine64(feature, id(row, feature))}.uniform(0) - 2;
    }
    return rng(row, 5000).uniform(0) < 1 / (1 + std::exp(-logit)) ? 1.0f : 0.0f;
  }

  MemoryTask task_;
  data::ReadPlan plan_;
  bool shuffle_;
  BatchPosition position_;
  mutable std::mutex given_mutex_;
  std::vector<GivenBatch> given_;  // appended by the thread that reads
};

}  // namespace strata::train
