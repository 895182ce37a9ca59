#pragma once
// Rows of one table as a chain of directories has them (directory_chain.h).

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "storage/block_file.h"
#include "storage/directory_chain.h"
#include "storage/file_system.h"

namespace strata::storage {

/// The files of a table in one directory of a chain.
struct ChainedFiles {
  std::vector<std::string> rows;  // block files, ascending in h
  std::string removed;            // h of keys that are gone, .npy, ascending; empty: none
};

/// Those of the table in `folder` ("tables/C3/"), directory by directory.
std::vector<ChainedFiles> chained_files(std::span<const ChainLink> chain,
                                        const std::string& folder);

/// Where a directory lists the keys of a table that are gone, in the table's folder.
inline constexpr const char* kRemovedName = "removed.npy";

/// Merges them: rows ascend in h, each key once, as the newest directory has it; a key that a newer
/// directory removed is not shown. Memory is one block a directory. One thread at a time.
class ChainedRows {
 public:
  /// Called with each block file when it is opened, and the index of its directory.
  using Check = std::function<void(const BlockFileReader&, size_t)>;

  /// `chain` begins with the oldest. `files` outlives the rows. All files have rows of one layout,
  /// else Error{corrupt}.
  ChainedRows(const FileSystem& files, std::vector<ChainedFiles> chain, Check check);
  ~ChainedRows();

  /// Some rows; false after the last. out.shard means nothing. Throws Error{corrupt}.
  bool next(RowBlock& out);
  /// Of the rows shown last.
  const kernels::RowLayout& layout() const;

 private:
  struct Stream;
  bool take_one();

  const FileSystem& files_;
  Check check_;
  std::vector<std::unique_ptr<Stream>> streams_;  // the newest first
  kernels::RowLayout layout_;
  bool any_ = false;  // layout_ is that of a file
  std::vector<uint64_t> keys_;
  std::vector<std::byte> rows_;
};

}  // namespace strata::storage
