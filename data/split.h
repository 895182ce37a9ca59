#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "data/config.h"
#include "data/input_file.h"

namespace strata::data {

struct SplitRequest {
  std::vector<std::string> inputs;  // paths, globs; plain, .gz, .zst
  Split split = Split::kTime;
  double eval_fraction = 0.1;  // in (0, 1)
  bool header = false;         // the first line of each input is a header; both outputs get it
  double max_expansion = kMaxExpansion;  // of a compressed input (data.max_expansion)
  std::string train_out;                 // .gz and .zst are compressed
  std::string eval_out;
};

struct SplitResult {
  int64_t train_rows = 0;
  int64_t eval_rows = 0;
};

/// Writes the rows that data.eval_fraction and data.split of the same values would give a reader,
/// in file order, byte for byte (line ends become LF). Streams: memory does not grow with the
/// input. Throws Error{usage} for a fraction outside (0, 1), for outputs that exist or are the same
/// file; Error{data} for a line longer than 1 MiB or headers that differ, Error{missing},
/// Error{io}; no output appears in part.
SplitResult split_files(const SplitRequest& request);

}  // namespace strata::data
