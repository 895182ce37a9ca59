#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/batch.h"
#include "data/config.h"
#include "data/schema.h"

namespace strata::data {

/// Which rows of a DataConfig a reader gives.
enum class Part {
  kTrain,  // `train` without the evaluation share; shuffled and down-sampled as configured
  kEval,   // `eval`, or the evaluation share of `train`; file order, every row
};

/// How samples are cut into batches, and which of them this process parses.
struct ReadPlan {
  int64_t batch_size = 2048;  // lines of a global batch; the last one of an epoch may be shorter
  int chunks = 8;             // slices of the determinism law: Batch::chunk_begin
  uint64_t seed = 1;          // of the order
  int64_t epochs = 1;         // 0: without end
  BatchPosition start{};      // first batch given
  bool labels = true;         // false: labels are not read, lines may lack them (predict)
  // Worker w of W parses chunks [w*chunks/W, (w+1)*chunks/W) of each global batch; the other chunks
  // are empty in its batches. Positions mean the same to every worker.
  int worker = 0;
  int workers = 1;
};

/// One line that was not a sample.
struct BadRow {
  std::string file;
  int64_t line = 0;  // from 1
  std::string reason;
  bool operator==(const BadRow&) const = default;
};

/// What a reader has met since it was made or last moved by seek(): rows of the batches it has
/// given (prefetched ones excluded). A function of those batches alone, never of time or threads.
struct ReadStatistics {
  int64_t lines = 0;  // good + bad + blank
  int64_t good = 0;
  int64_t bad = 0;
  int64_t blank = 0;
  std::vector<BadRow> first_bad{};  // at most 20, in the order they were met
};

/// Samples in the order of the law: a pure function of (seed, epoch, file list).
///
/// Batches are cut by line position in that order; a bad row drops out of its batch, so positions
/// never depend on parsing, and a batch may be shorter than batch_size, even empty.
/// Not thread-safe; one consumer. Errors of background threads are thrown by next().
class Reader {
 public:
  virtual ~Reader() = default;

  /// Fills `batch` (its buffers are reused) with the next batch. False at the end of the plan's
  /// last epoch; `batch` is then unchanged. Batch::position tells where it stands.
  /// Throws Error{data} when bad rows exceed the policy, an epoch holds not one sample or a file
  /// changed while it was read, Error{missing} when one disappeared, Error{io}.
  virtual bool next(Batch& batch) = 0;

  /// next() continues with the batch at `position`, exactly as an uninterrupted reader would.
  /// statistics() and the count of the bad-row policy start afresh.
  virtual void seek(BatchPosition position) = 0;

  /// The batch that next() gives next.
  virtual BatchPosition position() const = 0;

  virtual int64_t batches_per_epoch() const = 0;
  /// Lines of one epoch, bad and blank ones included.
  virtual int64_t rows_per_epoch() const = 0;
  /// XXH3-64 over names (without directories), sizes and line counts of the files, in order: the
  /// input of the order law. A resumed run compares it.
  virtual uint64_t input_digest() const = 0;
  virtual ReadStatistics statistics() const = 0;
};

/// Opens a part of the data: expands and indexes the files, and starts the prefetch thread.
/// `schema` is fitted and outlives the reader's construction only.
/// Throws Error{config}, Error{missing} or Error{data} naming file or key.
std::unique_ptr<Reader> make_reader(const DataConfig& config, const Schema& schema, Part part,
                                    const ReadPlan& plan);

}  // namespace strata::data
