#pragma once
// The one order in which chunks are added (DESIGN, determinism law): ((0,1),(2,3)),… over chunk
// indices, an absent leaf skipped, not added as zero. Any split of the work gives the same bits.

#include <cstdint>
#include <optional>
#include <span>

namespace strata::kernels {

/// Most chunks a batch may have.
inline constexpr int kMaxLeaves = 1024;

/// out[i] <- tree sum over leaves of leaves[l][i], for i in [0, n). leaves [L], each [n] fp32 or
/// null (absent); L <= kMaxLeaves. Returns false and leaves `out` as it is when every leaf is
/// absent. `out` may be one of the leaves, else it overlaps none. Threads split the columns by
/// offsetting every pointer. Moves 4 * n * (L + 1) bytes.
bool tree_sum(std::span<const float* const> leaves, int64_t n, float* out);

/// The same over one double per chunk (losses, squared norms); nothing when every leaf is absent.
std::optional<double> tree_sum(std::span<const std::optional<double>> leaves);

}  // namespace strata::kernels
