#pragma once
// A trained model from wherever it lies: a run, a checkpoint, or an export.

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "data/config.h"
#include "data/reader.h"
#include "data/schema.h"
#include "models/network.h"
#include "serving/export.h"
#include "train/config.h"

namespace strata::cli {

/// A network ready to score, and what it needs to read data.
struct TrainedModel {
  std::unique_ptr<models::Network> network;
  data::Schema schema;
  data::DataConfig data;       // of the run; of an export: its format alone, without files
  int64_t step = 0;            // updates done
  int64_t samples = 0;         // trained
  serving::EvalBatches eval;   // of the run
  nlohmann::json metrics;      // of the last evaluation, or null
  std::string directory;       // the checkpoint or version it came from
  train::LoadedConfig config;  // of the run, with the places of its values; of an export: none

  /// The update that would come next: rows of exact tables are read as it would see them.
  uint32_t next_update() const { return static_cast<uint32_t>(step) + 1; }
};

/// Opens a run, a checkpoint, a folder of exports, or an export. Every byte is verified. Throws
/// Error{missing}, Error{corrupt}, Error{io}; what is wrong with the config of a run is told with
/// file, line and column.
TrainedModel load_model(const std::string& path);

/// What rows are read for.
enum class RowUse {
  kEvaluate,  // lines carry labels; bad rows follow data.max_bad_ratio
  kPredict,   // labels are not read and may be absent; a bad row is an error, so that the line
              // numbers of predictions stay those of the rows
};

/// One epoch over `files` in file order, every row; without files, over the run's own evaluation
/// data. Throws Error{usage} where there is neither, and what make_reader throws.
std::unique_ptr<data::Reader> open_rows(const TrainedModel& model,
                                        const std::vector<std::string>& files, RowUse use);

/// Threads to compute with: `asked`, or with 0 one per core.
int compute_threads(int asked);

}  // namespace strata::cli
