#pragma once
// The public CTR data sets `strata bench ctr --preset` knows: files, row counts, splits, recipes
// and the published results to compare with. docs/criteo.md says where the data comes from.

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace strata::cli {

/// Files that play one part, and the rows they have together when they are the published ones.
struct PresetFiles {
  std::vector<std::string> names;  // in the folder of the data; .gz and .zst are found too
  int64_t rows = 0;
};

/// A published result.
struct PublishedResult {
  double auc = 0;
  std::optional<double> logloss;
  std::string source;
};

/// One model of a preset.
struct PresetModel {
  std::string name;
  std::string config;                        // the published recipe
  std::vector<std::string> sets;             // over it
  std::optional<PublishedResult> published;  // nothing: none with AUC is known for this split
  std::string remark;                        // why there is none, or how the recipes differ
};

struct CtrPreset {
  std::string name;
  PresetFiles train;
  PresetFiles eval;  // watched while training; no names: the last rows of train
  PresetFiles test;  // evaluated at the end; no names: eval is
  std::vector<PresetModel> models;
  int last_of_parts = 0;         // without eval: rows / last_of_parts rows are set aside, the last
  bool eval_first_half = false;  // of eval (one file): written to a file of its own, and used
  std::string remark = "";       // how the data is used otherwise than where it was published
};

/// criteo_kaggle, criteo_x1, criteo_x4, terabyte.
std::vector<std::string> preset_names();

/// Throws Error{usage} for another name.
CtrPreset find_preset(const std::string& name);

/// Paths of `files` in `folder`, plain, .gz or .zst. Throws Error{missing} naming the first absent.
std::vector<std::string> find_files(const std::string& folder, const PresetFiles& files);

}  // namespace strata::cli
