#pragma once
// The dense tensors of a checkpoint: weights and buffers, and their optimizer state, by name.

#include <string>

#include "dense/parameters.h"
#include "storage/publication.h"
#include "train/checkpoint.h"

namespace strata::train {

/// Writes dense/weights.safetensors and dense/optimizer.safetensors.
void save_dense(storage::Publication& publication, const dense::Parameters& parameters);

/// Fills weights, buffers and state; see load_checkpoint.
void load_dense(const storage::FileSystem& files, const std::string& directory,
                dense::Parameters& parameters, const LoadOptions& options, LoadReport& report);

}  // namespace strata::train
