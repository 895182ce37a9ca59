#include "kernels/reduce_rows.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "base/check.h"
#include "base/isa.h"
#include "kernels/tree_sum.h"

namespace strata::kernels {
namespace {

constexpr int64_t kAhead = 16;  // gradient rows in flight
constexpr int kTile = 16;       // columns at a time where the width is only known at run time

/// Partial sums over chunks that wait for their sibling in the fixed tree. Leaves come in ascending
/// order; each entry knows at which level it joins the one below it.
template <int kWidth>
class ChunkTree {
 public:
  STRATA_ALWAYS_INLINE void add(const float* leaf, int64_t chunk, int width) {
    const int level = depth_ == 0 ? 0 : std::bit_width(static_cast<uint64_t>(chunk ^ last_));
    while (depth_ > 1 && join_level_[depth_ - 1] < level) join(width);
    for (int i = 0; i < width; ++i) sums_[depth_][i] = leaf[i];
    join_level_[depth_++] = level;
    last_ = chunk;
  }
  /// The sum of all leaves; at least one was added.
  STRATA_ALWAYS_INLINE const float* finish(int width) {
    while (depth_ > 1) join(width);
    return sums_[0];
  }
  STRATA_ALWAYS_INLINE bool empty() const { return depth_ == 0; }

 private:
  STRATA_ALWAYS_INLINE void join(int width) {
    --depth_;
    for (int i = 0; i < width; ++i) sums_[depth_ - 1][i] += sums_[depth_][i];
  }

  static constexpr int kLevels = std::bit_width(static_cast<unsigned>(kMaxLeaves)) + 1;
  float sums_[kLevels][kWidth];
  int join_level_[kLevels];
  int depth_ = 0;
  int64_t last_ = 0;
};

/// kDim is the row width, or 0 when it is only known at run time. kPlain: one lookup with one id
/// per bag and no factors, so that occurrence, sample and gradient row have one number.
template <int kDim, bool kPlain>
struct ReduceKernel {
  static constexpr int kWidth = kDim ? kDim : kTile;
  struct Args {
    const ReduceRows& reduce;
  };

  struct Source {
    const float* row;
    float factor;
    int64_t sample;
  };

  STRATA_ALWAYS_INLINE static Source source(const ReduceRows& r, int32_t occurrence) {
    const OccurrenceGradients* lookup = r.lookups.data();
    if constexpr (kPlain) {
      return {lookup->rows + occurrence * lookup->stride, 1.0f, occurrence};
    }
    while (occurrence >= lookup->end) ++lookup;
    const int64_t j = occurrence - lookup->begin;
    const int64_t sample = lookup->sample ? lookup->sample[j] : j;
    const int64_t row = lookup->per_occurrence ? j : sample;
    return {lookup->rows + row * lookup->stride, lookup->factors ? lookup->factors[j] : 1.0f,
            sample};
  }

  STRATA_ALWAYS_INLINE static void prefetch(const ReduceRows& r, int64_t at) {
    if (at >= r.begin[r.u_end]) return;
    const float* row = source(r, r.occurrences[at]).row;
    for (int i = 0; i < kDim; i += 16) __builtin_prefetch(row + i);
    if (kDim > 1) __builtin_prefetch(row + kDim - 1);
  }

  /// Columns [column, column + width) of the gradient of key u.
  STRATA_ALWAYS_INLINE static void reduce_key(const ReduceRows& r, int64_t u, int column,
                                              int width) {
    const int32_t first = r.begin[u];
    const int32_t last = r.begin[u + 1];
    const int dim = kDim ? kDim : r.dim;
    float* __restrict out = r.gradients + u * dim + column;
    float sum[kWidth];
    Source from = source(r, r.occurrences[first]);
    if (kDim != 0) prefetch(r, first + kAhead);
    for (int i = 0; i < width; ++i) sum[i] = from.factor * from.row[column + i];
    if (last == first + 1) {
      for (int i = 0; i < width; ++i) out[i] = sum[i];
      return;
    }
    ChunkTree<kWidth> tree;
    int64_t chunk = 0;
    while (from.sample >= r.chunk_begin[chunk + 1]) ++chunk;
    for (int32_t k = first + 1; k < last; ++k) {
      from = source(r, r.occurrences[k]);
      if (kDim != 0) prefetch(r, k + kAhead);
      if (from.sample >= r.chunk_begin[chunk + 1]) [[unlikely]] {
        tree.add(sum, chunk, width);
        while (from.sample >= r.chunk_begin[chunk + 1]) ++chunk;
        for (int i = 0; i < width; ++i) sum[i] = from.factor * from.row[column + i];
        continue;
      }
      if constexpr (kPlain) {
        for (int i = 0; i < width; ++i) sum[i] += from.row[column + i];
      } else {
        for (int i = 0; i < width; ++i) sum[i] += from.factor * from.row[column + i];
      }
    }
    if (tree.empty()) {
      for (int i = 0; i < width; ++i) out[i] = sum[i];
      return;
    }
    tree.add(sum, chunk, width);
    const float* total = tree.finish(width);
    for (int i = 0; i < width; ++i) out[i] = total[i];
  }

  STRATA_ALWAYS_INLINE static void run(const Args& args) {
    const ReduceRows& r = args.reduce;
    for (int64_t u = r.u_begin; u < r.u_end; ++u) {
      if constexpr (kDim != 0) {
        reduce_key(r, u, 0, kDim);
      } else {
        for (int column = 0; column < r.dim; column += kTile) {
          reduce_key(r, u, column, std::min(kTile, r.dim - column));
        }
      }
    }
  }
};

template <int kDim>
void reduce_dim(const ReduceRows& r) {
  const OccurrenceGradients& only = r.lookups.front();
  if (r.lookups.size() == 1 && !only.sample && !only.factors) {
    using Kernel = ReduceKernel<kDim, true>;
    return isa::dispatch<Kernel, typename Kernel::Args>({r});
  }
  using Kernel = ReduceKernel<kDim, false>;
  isa::dispatch<Kernel, typename Kernel::Args>({r});
}

struct ScalarKernel {
  using Args = ReduceScalars;

  STRATA_ALWAYS_INLINE static float* sums(const ReduceScalars& r, int64_t chunk) {
    return chunk == 0 ? r.gradients : r.workspace + (chunk - 1) * r.unique;
  }
  STRATA_ALWAYS_INLINE static void add_up(const ReduceScalars& r, int64_t to, int64_t from) {
    float* __restrict sum = sums(r, to);
    const float* __restrict more = sums(r, from);
    for (int64_t u = 0; u < r.unique; ++u) sum[u] += more[u];
  }

  STRATA_ALWAYS_INLINE static void run(const ReduceScalars& r) {
    const auto chunks = static_cast<int64_t>(r.chunk_begin.size()) - 1;
    for (int64_t c = 0; c < chunks; ++c) {
      float* const sum = sums(r, c);
      std::fill_n(sum, r.unique, -0.0f);
      const float* row = r.rows + r.chunk_begin[c] * r.stride;
      for (int64_t b = r.chunk_begin[c]; b < r.chunk_begin[c + 1]; ++b, row += r.stride) {
        sum[r.inverse[b]] += *row;
      }
    }
    for (int64_t step = 1; step < chunks; step *= 2) {
      for (int64_t c = 0; c + step < chunks; c += 2 * step) add_up(r, c, c + step);
    }
  }
};

}  // namespace

void reduce_scalars(const ReduceScalars& args) {
  STRATA_CHECK(args.chunk_begin.size() >= 2 &&
                   static_cast<int64_t>(args.chunk_begin.size()) <= kMaxScalarChunks + 1,
               "chunks", args.chunk_begin.size());
  if (args.unique > 0) isa::dispatch<ScalarKernel>(args);
}

void reduce_rows(const ReduceRows& args) {
  if (args.u_begin >= args.u_end) return;
  STRATA_CHECK(args.dim > 0 && !args.lookups.empty(), "shape", args.dim, args.lookups.size());
  STRATA_CHECK(args.chunk_begin.size() >= 2 && args.chunk_begin.size() <= kMaxLeaves + 1, "chunks",
               args.chunk_begin.size());
  switch (args.dim) {
    case 1:
      return reduce_dim<1>(args);
    case 8:
      return reduce_dim<8>(args);
    case 10:
      return reduce_dim<10>(args);
    case 16:
      return reduce_dim<16>(args);
    case 32:
      return reduce_dim<32>(args);
    case 64:
      return reduce_dim<64>(args);
    case 128:
      return reduce_dim<128>(args);
    default:
      return reduce_dim<0>(args);
  }
}

}  // namespace strata::kernels
