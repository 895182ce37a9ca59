#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/batch.h"
#include "base/error.h"
#include "embedding/collection.h"
#include "models/network.h"

namespace strata::train {

/// The first tensor that is not finite, in the order of the forward pass: rows of the tables that
/// `keys` read ("rows of table C3"), then dense tensors ("dense tensor top.0.weight"). Nothing when
/// all are finite. `keys` has been looked up; null: no rows are looked at.
std::optional<std::string> first_non_finite(const models::Network& network,
                                            const embedding::KeyedBatch* keys);

/// Whether what the forward pass itself keeps is finite: batch norm's running statistics. The loss
/// does not show them; evaluation and the checkpoint would.
bool buffers_are_finite(const dense::Parameters& parameters);

/// What to throw when the loss or a gradient of `input` is not finite. `what` is "the loss", "the
/// gradient" or "a running statistic"; the message names batch, sample ids where there are some,
/// and the first tensor.
Error diverged_error(std::string_view what, const models::Network& network, const Batch& batch,
                     const embedding::KeyedBatch& keys);

}  // namespace strata::train
