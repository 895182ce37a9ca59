#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/fields.h"
#include "kernels/init.h"
#include "kernels/optimizer_config.h"
#include "kernels/rows.h"
#include "storage/tiered_table.h"

namespace strata::embedding {

/// How the rows of one sample's ids become one vector. w are the id weights (1 without them).
enum class Pooling : uint8_t {
  kSum,    // sum of w * e
  kMean,   // sum of w * e / sum of w; zeros when the weights sum to zero
  kSqrtn,  // sum of w * e / sqrt(sum of w^2); zeros when all weights are zero
  kNone,   // every id keeps its own row (Collection::gather)
};

/// The SSD below DRAM: a RocksDB in a directory of its own, begun afresh by every process that
/// trains or reads the model. It is no checkpoint.
struct SsdTierConfig {
  std::string path;
  Bytes bytes = {};
  Bytes memory = {int64_t{512} << 20};
  bool direct_io = true;
  int read_threads = 16;

  bool operator==(const SsdTierConfig&) const = default;
  template <class V>
  void visit(V& v) {
    v("path", path,
      {.doc =
           "Directory for the rows, on a local SSD, relative to the working directory; made if it "
           "is absent, its rows are removed at start and end. Tables with the same path share it; "
           "one process at a time has it. eval, predict and export use PATH.read.",
       .on_resume = OnResume::kFree});
    v("bytes", bytes,
      {.doc = "Most bytes on the disk; 0: as many as there are.",
       .min = 0,
       .on_resume = OnResume::kFree});
    v("memory", memory,
      {.doc = "Memory of everything RocksDB keeps: write buffers, filters, indexes, cached blocks.",
       .min = 64 << 20,
       .on_resume = OnResume::kFree});
    v("direct_io", direct_io,
      {.doc = "Reads and writes pass the page cache, which would be memory nobody has counted.",
       .on_resume = OnResume::kFree});
    v("read_threads", read_threads,
      {.doc = "Requests to the disk that are under way at the same time.",
       .min = 1,
       .max = 256,
       .on_resume = OnResume::kFree});
  }
};

/// `path` in one spelling, without a slash at its end: what names the directory of an SSD tier.
std::string tier_path(const std::string& path);

/// Where the rows of a table are. Tables whose tiers are written alike share the budgets.
struct TiersConfig {
  std::optional<Bytes> dram;
  storage::Eviction eviction = storage::Eviction::kLru;
  std::optional<SsdTierConfig> ssd;

  bool operator==(const TiersConfig&) const = default;
  template <class V>
  void visit(V& v) {
    v("dram", dram,
      {.doc =
           "Bytes in DRAM of all tables with these tiers together: rows, index, what the cache "
           "knows of them. Set with ssd, null without: memory.limit bounds what has no SSD below "
           "it. Tables take their shares as rows come; a table that begins late may need tiers of "
           "its own.",
       .min = 1 << 20,
       .on_resume = OnResume::kFree});
    v("eviction", eviction,
      {.doc = "Which rows leave DRAM first: lru (used longest ago), lfu (used by fewest batches "
              "since it came), score (uses that lose half their weight every 256 batches). "
              "Changes no result.",
       .on_resume = OnResume::kFree});
    v("ssd", ssd, {.doc = "The tier below DRAM; null: none.", .on_resume = OnResume::kFree});
  }
};

/// One embedding table: what its rows are and how they learn. `name` is the key of the table's YAML
/// group and is therefore not visited.
struct TableConfig {
  std::string name;
  int dim = 16;
  kernels::DType dtype = kernels::DType::kF32;
  Pooling pooling = Pooling::kSum;
  kernels::OptimizerConfig optimizer = {.algorithm = kernels::RowwiseAdagrad{}};
  kernels::InitConfig init;
  float default_row = 0;
  TiersConfig tiers;
  bool trainable = true;

  template <class V>
  void visit(V& v) {
    v("dim", dim, {.doc = "Width of a row, in weights.", .min = 1, .max = 65536});
    v("dtype", dtype,
      {.doc = "Type of the stored weights: fp32, bf16 or fp16. Optimizer state is always fp32; "
              "updates of narrower weights round stochastically."});
    v("pooling", pooling,
      {.doc = "How the rows of one sample's ids become one vector: sum, mean (weighted), sqrtn "
              "(the sum over the root of the summed squared weights) or none."});
    v("optimizer", optimizer, {.doc = "How the rows of this table learn."});
    v("init", init,
      {.doc = "First weights of a row: a function of (seed, table name, id) and nothing else."});
    v("default_row", default_row,
      {.doc = "Every weight of the row that a key unseen in training reads in evaluation, predict "
              "and serving. Never trained.",
       .min = -1e6,
       .max = 1e6});
    v("tiers", tiers, {.doc = "Where the rows are.", .on_resume = OnResume::kFree});
    v("trainable", trainable,
      {.doc = "false keeps the rows of the table as they are: no gradient, no update."});
  }
};

}  // namespace strata::embedding

template <>
struct strata::EnumNames<strata::embedding::Pooling> {
  using enum strata::embedding::Pooling;
  static constexpr std::pair<strata::embedding::Pooling, std::string_view> kNames[] = {
      {kSum, "sum"}, {kMean, "mean"}, {kSqrtn, "sqrtn"}, {kNone, "none"}};
};
