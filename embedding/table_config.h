#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

#include "base/fields.h"
#include "kernels/init.h"
#include "kernels/optimizer_config.h"
#include "kernels/rows.h"

namespace strata::embedding {

/// How the rows of one sample's ids become one vector. w are the id weights (1 without them).
enum class Pooling : uint8_t {
  kSum,    // sum of w * e
  kMean,   // sum of w * e / sum of w; zeros when the weights sum to zero
  kSqrtn,  // sum of w * e / sqrt(sum of w^2); zeros when all weights are zero
  kNone,   // every id keeps its own row (Collection::gather)
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
