#pragma once
// The embedding tables of a checkpoint: block files per table, and what the manifest says of them.

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "embedding/collection.h"
#include "storage/manifest.h"
#include "storage/publication.h"
#include "train/checkpoint.h"

namespace strata::train {

/// Bytes that save_tables will write, within a few hundred.
int64_t planned_table_bytes(const embedding::Collection& tables);

/// Writes all rows as of update `step`; returns the manifest's list `tables`.
nlohmann::ordered_json save_tables(storage::Publication& publication,
                                   const embedding::Collection& tables, uint64_t step);

/// Where tables are read from.
struct SavedTables {
  const storage::FileSystem& files;
  const std::string& directory;
  const storage::Manifest& manifest;
};

/// Fills the tables; see load_checkpoint.
void load_tables(const SavedTables& saved, embedding::Collection& tables,
                 const LoadOptions& options, LoadReport& report);

}  // namespace strata::train
