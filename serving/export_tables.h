#pragma once
// Tables of an export: parts of keys and rows in .npy, keys ascending by the id the user gave.

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "embedding/collection.h"
#include "storage/publication.h"

namespace strata::serving {

/// How a collection is written. Rows of exact tables are read through their catch-up.
struct TableExport {
  const embedding::Collection& tables;
  kernels::DType rows = kernels::DType::kF32;
  int64_t part_rows = 0;
};

/// Writes one table; returns the manifest's entry for it.
/// Rows are scanned once per part: memory is 8 bytes per key and one part of rows.
nlohmann::ordered_json export_table(storage::Publication& publication, const TableExport& source,
                                    int table);

/// Fills table `entry["name"]` of `tables` from the parts in `directory`.
void load_table(const storage::FileSystem& files, const std::string& directory,
                const nlohmann::ordered_json& entry, embedding::Collection& tables);

/// Names of part `part` of a table in `folder`.
std::string keys_name(const std::string& folder, int64_t part);
std::string rows_name(const std::string& folder, int64_t part);

}  // namespace strata::serving
