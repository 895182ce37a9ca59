#pragma once
// One view of what checkpoints and exports hold: tables as streams of rows, dense tensors by name.
// inspect and diff stand on it.

#include <cstdint>
#include <memory>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "kernels/rows.h"
#include "storage/directory_chain.h"
#include "storage/manifest.h"

namespace strata::serving {

/// What the manifest says of one table.
struct TableSummary {
  std::string name;
  std::string folder;
  int64_t rows = 0;
  int64_t bytes = 0;          // of its files
  kernels::RowLayout layout;  // of an export: weights alone
  std::string optimizer;      // of a checkpoint
};

/// Rows of one table, some at a time, ascending by key. Valid until the next call of next().
struct TableChunk {
  std::span<const uint64_t> keys;   // of an export: user ids; of a checkpoint: h
  std::span<const std::byte> rows;  // whole rows: equal bytes are equal rows
  std::span<const float> weights;   // [keys, dim]
};

/// Rows of one table from its files; memory is a few MiB. One thread at a time.
class TableStream {
 public:
  virtual ~TableStream() = default;
  /// False after the last row. Throws Error{corrupt}.
  virtual bool next(TableChunk& out) = 0;
};

/// A checkpoint or an export, opened.
struct Contents {
  std::unique_ptr<storage::FileSystem> files;
  std::string directory;  // "" is the root
  storage::Manifest manifest;
  std::vector<storage::ChainLink> chain;  // what it builds upon, the oldest first, and itself
  int64_t step = 0;
  int64_t samples = 0;
  std::vector<TableSummary> tables;

  bool is_export() const { return manifest.magic == storage::kExportMagic; }
  /// The user's id of a key of a stream.
  uint64_t id_of(const TableSummary& table, uint64_t key) const;
  std::unique_ptr<TableStream> open_table(const TableSummary& table) const;
  /// Names of the safetensors files: dense weights, and optimizer state of a checkpoint.
  std::vector<std::string> dense_files() const;
};

/// Opens what `path` means (storage::open_published) after comparing every byte with its checksum.
/// Throws Error{corrupt} naming the damaged files.
Contents open_contents(const std::string& path);

}  // namespace strata::serving
