#pragma once

#include <cstdint>
#include <optional>

#include "train/plan.h"

namespace strata::train {

/// Where a plan takes the frequencies of keys from.
struct BasisRequest {
  int64_t count_rows = 2'000'000;            // read of the training data; 0: all
  bool declared = false;                     // read none of it
  int64_t data_rows = 0;                     // of the training data; 0: as many as it has
  std::optional<DataHistogram> histogram{};  // read earlier
};

/// Rows of an epoch of Criteo Kaggle, whose statistics are the declared skew.
inline constexpr int64_t kCriteoRows = 45'840'617;

/// Fitted where training data is named. Throws as fit_schema().
data::Schema plan_schema(const data::DataConfig& data);

/// Reads what the request asks for. Without training data in the config what is declared stands for
/// it. Throws as make_reader and Reader do.
PlanBasis plan_basis(const Config& config, const data::Schema& schema, const BasisRequest& request);

/// Of the training part without reading it: rows of generated data, or those of Criteo.
int64_t declared_rows(const Config& config);

}  // namespace strata::train
