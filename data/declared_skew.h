#pragma once

#include <optional>
#include <vector>

#include "data/config.h"
#include "data/schema.h"

namespace strata::data {

/// Ids of a column that are alike: how many there are and the share of rows that each of them has.
struct IdClass {
  double share = 0;
  double ids = 0;
};

/// How often the ids of a sparse feature occur, as far as that is known without reading a row: of
/// Criteo's columns, generated ones too, by the published statistics (datasets/
/// criteo_statistics.json); of bucketised numbers by the number of buckets. Nothing where nothing
/// is known.
std::optional<std::vector<IdClass>> declared_skew(const DataConfig& config, const Schema& schema,
                                                  const SparseFeature& feature);

}  // namespace strata::data
