#pragma once
// The embedding tables of a checkpoint: block files per table, and what the manifest says of them.

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "embedding/collection.h"
#include "storage/directory_chain.h"
#include "storage/publication.h"
#include "train/checkpoint.h"

namespace strata::train {

/// Bytes that a full save_tables will write, within a few hundred.
int64_t planned_table_bytes(const embedding::TablesCut& cut);

/// How tables are saved.
struct SaveOrder {
  uint64_t step = 0;              // of the cut
  std::optional<uint64_t> since;  // only rows that changed after this step; nothing: all
  std::stop_token stop;           // gives up between two shards: Error{stopped}
};

/// Writes rows; returns the manifest's list `tables`.
nlohmann::ordered_json save_tables(storage::Publication& publication, embedding::TablesCut& cut,
                                   const SaveOrder& order);

/// Where tables are read from.
struct SavedTables {
  const storage::FileSystem& files;
  const std::vector<storage::ChainLink>& chain;
};

/// Fills the tables; see load_checkpoint.
void load_tables(const SavedTables& saved, embedding::Collection& tables,
                 const LoadOptions& options, LoadReport& report);

}  // namespace strata::train
