#pragma once
// The table of `strata bench ctr`: one line per model, over its seeds.

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "cli/ctr_presets.h"
#include "cli/ctr_runs.h"

namespace strata::cli {

/// A model, its runs, and what they are compared with.
struct CtrLine {
  std::string model;
  std::vector<CtrResult> results;            // one per seed
  std::optional<PublishedResult> published;  // to compare with
  std::string why_not;                       // there is no published row to compare with
  std::string remark;                        // how the recipes differ
};

/// The whole result.
struct CtrTable {
  std::string preset;              // empty: none
  std::string data;                // what the rows are: counted, and as published or not
  std::vector<std::string> notes;  // on all lines
  std::vector<CtrLine> lines;
};

/// Mean and standard deviation over runs (n - 1; 0 for one run).
struct MeanAndDeviation {
  double mean = 0;
  double deviation = 0;
};

/// Nothing where a value is missing or there is none.
std::optional<MeanAndDeviation> mean_of(const std::vector<std::optional<double>>& values);

nlohmann::ordered_json to_json(const CtrTable& table);
std::string to_text(const CtrTable& table);

}  // namespace strata::cli
