#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "data/assemble.h"
#include "data/encoder.h"
#include "data/layout.h"
#include "data/line_parser.h"
#include "data/order.h"
#include "data/reader.h"
#include "data/row_block.h"
#include "data/text_input.h"
#include "data/window.h"

namespace strata::data {

/// The reader of every line format: order, windows, parsing in slices, assembly. Batches are made
/// when asked for, on the caller's thread and `threads - 1` more.
///
/// Slices are cut at window borders and chunk borders, so their lines, and with them every bit of
/// the batch, do not depend on the number of threads.
class TextReader final : public Reader {
 public:
  TextReader(TextInput input, const ReadPlan& plan);
  ~TextReader() override;

  bool next(Batch& batch) override;
  void seek(BatchPosition position) override;
  BatchPosition position() const override { return position_; }
  int64_t batches_per_epoch() const override;
  int64_t rows_per_epoch() const override { return rows_; }
  uint64_t input_digest() const override { return input_.source->digest(); }
  ReadStatistics statistics() const override { return statistics_; }

 private:
  struct Slice {
    int64_t begin = 0;  // row positions of the epoch
    int64_t end = 0;
    int chunk = 0;
  };

  /// What the lines of the epoch so far were; of no use when it did not begin at batch 0.
  struct EpochLines {
    bool whole = false;
    int64_t good = 0;
    int64_t blank = 0;
  };

  void count_rows();
  void refuse_an_epoch_without_samples() const;
  std::string input_name() const;
  void stand_at(BatchPosition position);
  void cut_slices(int64_t begin, int64_t end);
  void parse_slices();
  void parse_slice(size_t number, int thread);
  void enter_window(int64_t window);
  void settle_bad_rows(size_t first, size_t end);
  void cut_chunks(Batch& batch) const;

  TextInput input_;
  ReadPlan plan_;
  Layout layout_;
  Encoder encoder_;
  Assembler assembler_;
  std::unique_ptr<LineParser> parser_;
  ThreadPool pool_;
  Window::Selector selector_;
  std::vector<int64_t> selected_;  // [blocks] rows that take part
  int64_t rows_ = 0;               // of an epoch

  BatchPosition position_;
  EpochLines epoch_lines_;
  EpochOrder order_;
  int64_t order_epoch_ = -1;
  Window window_;
  int64_t window_number_ = -1;    // of order_
  std::vector<Slice> slices_;     // of the batch
  std::vector<RowBlock> parsed_;  // [slices]
  std::vector<RawColumns> raw_;   // [threads]
  BadRowPolicy policy_{0, 0};
  ReadStatistics statistics_;
};

}  // namespace strata::data
