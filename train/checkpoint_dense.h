#pragma once
// The dense tensors of a checkpoint read back; dense_cut.h writes them.

#include <string>

#include "dense/parameters.h"
#include "storage/file_system.h"
#include "train/checkpoint.h"

namespace strata::train {

/// Fills weights, buffers and state; see load_checkpoint.
void load_dense(const storage::FileSystem& files, const std::string& directory,
                dense::Parameters& parameters, const LoadOptions& options, LoadReport& report);

}  // namespace strata::train
