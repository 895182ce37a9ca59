#pragma once
// DLRM at the Criteo-Kaggle shape: the model, its limits and batches in memory.

#include <array>
#include <cstdint>

namespace strata::bench {

/// Distinct values of C1 … C26 in Criteo Kaggle, capped at 1 M as facebookresearch/dlrm's peers.
inline constexpr std::array<uint64_t, 26> kCardinalities = {
    1460, 583,   1000000, 1000000, 305,  24,   12517, 633,     3,  93145, 5683,   1000000, 3194,
    27,   14992, 1000000, 10,      5652, 2173, 4,     1000000, 18, 15,    286181, 105,     142572};
inline constexpr int kFeatures = 26;
inline constexpr int kDenseWidth = 13;
inline constexpr int kDim = 16;

/// Multiplications and additions of the dense part, forward and backward.
inline constexpr double kFlopsPerSample = 2.90e6;

/// DESIGN: 8 chunks, 2 below batch 512.
inline constexpr int64_t chunks_of(int64_t batch) { return batch < 512 ? 2 : 8; }

}  // namespace strata::bench
