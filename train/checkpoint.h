#pragma once
// Checkpoints: one atomic, whole cut of a run at an update, in the run's folder.

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "dense/parameters.h"
#include "embedding/collection.h"
#include "storage/file_system.h"
#include "train/dense_cut.h"
#include "train/trainer_state.h"

namespace strata::train {

/// The config of the run with every value, in each of its checkpoints.
inline constexpr const char* kResolvedConfigName = "config.resolved.yaml";

/// What is saved beside tables and dense tensors. Taken between updates.
struct CheckpointText {
  TrainerState state;
  nlohmann::json schema;        // data::to_json
  std::string resolved_config;  // YAML, secrets redacted
  nlohmann::json metrics;       // of the last evaluation; null: none. Shown by inspect
};

/// A checkpoint of the same run that a later one builds upon.
struct CheckpointBase {
  std::string name;
  int64_t step = 0;
};

/// A run frozen between two updates: another thread may write it while training goes on.
struct CheckpointCut {
  embedding::TablesCut tables;
  DenseCut dense;
  CheckpointText text;
  std::optional<CheckpointBase> base;  // then only rows that changed since are saved
};

/// `most_bytes`: see Collection::cut.
CheckpointCut take_cut(embedding::Collection& tables, const dense::Parameters& parameters,
                       CheckpointText text, int64_t most_bytes = INT64_MAX);

/// Which checkpoints stay when a new one is complete. What they build upon stays with them.
struct Retention {
  int64_t keep = 3;                  // the newest that are full, and all after them; >= 1
  std::optional<int64_t> best_step;  // the newest of this update stays besides
};

/// Saves everything as the next checkpoint and points CURRENT to it, then removes those that
/// retention does not keep. Returns its directory, "checkpoint-000007.step-1200".
///
/// Whatever fails, the checkpoint CURRENT named before is untouched. Throws Error{io}; a disk that
/// is too small is noticed before anything is written. A failure to remove an old one is not one
/// of the save: it is tried again after the next. Error{stopped} when `stop` was requested before
/// all rows were written: nothing is left of it then.
std::string save_checkpoint(storage::FileSystem& files, CheckpointCut& cut,
                            const Retention& retention, const std::stop_token& stop = {});

/// The cheap part of a checkpoint: what is needed to build the network it belongs to.
struct CheckpointHead {
  std::string name;
  int64_t step = 0;
  CheckpointText text;
};

/// Verifies every byte of checkpoint `name` and reads its head.
/// Throws Error{corrupt} naming each damaged file, and when it was written by a newer format.
CheckpointHead open_checkpoint(const storage::FileSystem& files, const std::string& name);

struct LoadOptions {
  bool reinit_missing_state = false;  // optimizer state that is not there starts afresh
  bool allow_nonfinite = false;       // rows with NaN or infinity are taken as they are
};

/// What a load met, for the log.
struct LoadReport {
  int64_t rows = 0;
  int64_t reinitialised_rows = 0;  // rows, and rows of dense tensors, without saved state
  int64_t nonfinite_rows = 0;      // taken because of allow_nonfinite
  std::string nonfinite_example;   // table and key of the first
};

/// Fills tables and dense tensors from a checkpoint that open_checkpoint accepted; rows that the
/// tables hold are dropped. Throws Error{config} where tables or tensors are not those of the
/// checkpoint (name, dim, dtype, shape), Error{corrupt} where optimizer state is missing or values
/// are not finite and the options do not allow it, naming table, key and count. After an exception
/// tables and parameters are in no defined state.
LoadReport load_checkpoint(const storage::FileSystem& files, const std::string& name,
                           embedding::Collection& tables, dense::Parameters& parameters,
                           const LoadOptions& options);

/// The checkpoint `--resume auto` continues from.
struct ResumeChoice {
  std::optional<CheckpointHead> checkpoint;  // nothing: the folder holds no checkpoint
  std::vector<std::string> notes;            // what was skipped and why, sentences for the log
};

/// CURRENT where it verifies, else the newest checkpoint that does. Throws Error{corrupt} when
/// there are checkpoints and none verifies. Removes nothing.
ResumeChoice choose_checkpoint(const storage::FileSystem& files);

/// The checkpoint an explicit `--resume` without auto means: CURRENT.
/// Throws Error{corrupt} with the list of usable checkpoints when CURRENT is lost or damaged.
CheckpointHead open_current_checkpoint(const storage::FileSystem& files);

/// The newest checkpoint of update `step`; nothing when there is none.
std::optional<std::string> find_checkpoint(const storage::FileSystem& files, int64_t step);

/// Points CURRENT to the checkpoint of update `step` (the best one, at the end of a run).
/// False when there is none.
bool make_current(storage::FileSystem& files, int64_t step);

/// Removes CURRENT and every checkpoint, whole or not; other directories stay.
void remove_checkpoints(storage::FileSystem& files);

}  // namespace strata::train
