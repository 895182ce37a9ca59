#pragma once
// Exports: immutable version directories below one folder, readable with NumPy alone.

#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/thread_pool.h"
#include "data/schema.h"
#include "kernels/rows.h"
#include "models/network.h"
#include "storage/file_system.h"
#include "storage/manifest.h"

namespace strata::serving {

/// How a run cuts the rows of its evaluations. Whoever scores its exports cuts them so too: a
/// matrix product rounds by its number of rows, so equal slices are what makes equal bits.
struct EvalBatches {
  int64_t size = 2048;  // samples of a batch
  int64_t chunks = 8;   // slices of a batch
};

/// What is exported: a trained network between updates.
struct ExportSource {
  models::Network& network;
  const data::Schema& schema;
  int64_t step = 0;        // updates done; rows of exact tables are read as update step + 1 would
  int64_t samples = 0;     // trained
  nlohmann::json metrics;  // of the last evaluation, or null
  EvalBatches eval{};
};

struct ExportOptions {
  kernels::DType rows = kernels::DType::kF32;  // how rows are stored
  int64_t part_rows = int64_t{1} << 22;        // rows per part; memory is one part
};

/// What was written.
struct ExportReport {
  std::string version;  // "v000001"
  int64_t tables = 0;
  int64_t rows = 0;
  int64_t omitted_rows = 0;  // FTRL rows whose weights are all exactly zero: as good as unseen
  int64_t bytes = 0;
  double golden_error = 0;  // of the replay on the export itself
  bool onnx = false;        // dense/model.onnx was written
};
nlohmann::ordered_json to_json(const ExportReport& report);

/// Throws Error{usage} for the folder of a run: its CURRENT names a checkpoint, and an export must
/// not turn it.
void refuse_run_folder(const storage::FileSystem& exports);

/// Writes the next version and points CURRENT to it; one process at a time may (the caller's lock);
/// the golden requests are replayed on the files before that. Whatever fails, CURRENT keeps naming
/// the version before. Throws Error{usage} for a run's folder, whose CURRENT an export would take
/// over, Error{io}, before anything is written where the disk is too small, and Error{diverged}
/// when a weight is not finite or the replay differs (beyond 1e-6, 1e-2 where rows are stored
/// narrower than the table's).
ExportReport export_network(storage::FileSystem& exports, const ExportSource& source,
                            const ExportOptions& options, ThreadPool& pool);

/// A network loaded from an export, and what is needed to feed it.
struct LoadedExport {
  std::unique_ptr<models::Network> network;
  data::Schema schema;
  int64_t step = 0;
  EvalBatches eval;  // of the run it came from
  storage::Manifest manifest;
};

/// Loads the export in `directory` ("" is the root). Every file is compared with the manifest
/// first: throws Error{corrupt} naming what is damaged.
LoadedExport load_export(const storage::FileSystem& files, const std::string& directory);

}  // namespace strata::serving
