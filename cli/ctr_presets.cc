#include "cli/ctr_presets.h"

#include <fmt/format.h>

#include <filesystem>
#include <string_view>

#include "base/error.h"

namespace strata::cli {
namespace {

// Results and recipes of BARS: github.com/reczoo/BARS at 5b5e61f, ranking/ctr/<run>/README.md and
// model_config.yaml. Where five runs are published their mean stands here; the leaderboard shows
// the best of the five.
PublishedResult bars(double auc, double logloss, std::string_view run, int runs = 1) {
  const std::string of = runs > 1 ? fmt::format(", mean of {} runs", runs) : "";
  return {auc, logloss, fmt::format("BARS {}{}", run, of)};
}

/// Criteo x1's columns with the numbers in buckets: logistic regression has no use for dense ones.
std::string bucketised_columns() {
  std::string out = "[{name: label, type: label}";
  for (int i = 1; i <= 13; ++i) {
    out += fmt::format(", {{name: I{}, type: numeric, transform: quantiles, quantiles: 64}}", i);
  }
  for (int i = 1; i <= 26; ++i) out += fmt::format(", {{name: C{}}}", i);
  return out + "]";
}

CtrPreset kaggle() {
  CtrPreset preset;
  preset.name = "criteo_kaggle";
  preset.train = {{"train.txt"}, 45'840'617};
  preset.last_of_parts = 7;
  preset.models = {{"dlrm",
                    "configs/dlrm_kaggle.yaml",
                    {},
                    std::nullopt,
                    "only its accuracy is published: 0.7882 (mlcommons/inference, dlrm README)"}};
  preset.remark =
      "evaluated on the last of seven days; facebookresearch/dlrm tests on one half of it";
  return preset;
}

struct SplitRows {
  int64_t train, eval, test;
};

/// Of the published splits that are CSV files train, valid and test.
CtrPreset split_preset(const char* name, const SplitRows& rows) {
  CtrPreset preset;
  preset.name = name;
  preset.train = {{"train.csv"}, rows.train};
  preset.eval = {{"valid.csv"}, rows.eval};
  preset.test = {{"test.csv"}, rows.test};
  return preset;
}

CtrPreset x1() {
  const std::string config = "configs/criteo_x1.yaml";
  const std::string deep = "hidden: [400, 400, 400], dropout: 0.1, batch_norm: true}";
  const std::string numbers =
      "published with a learned vector per number; here numbers enter the deep part as they are";
  CtrPreset preset =
      split_preset("criteo_x1", {.train = 33'003'326, .eval = 8'250'124, .test = 4'587'167});
  preset.models = {
      {"logistic_regression",
       config,
       {"model={name: logistic_regression}", "tables.wide.optimizer.l2=5e-7",
        "data.columns=" + bucketised_columns()},
       bars(.788625, .460914, "LR_criteo_x1"),
       "published with the numbers as they are; here they are in 64 quantile buckets"},
      {"wide_deep",
       config,
       {"model={name: wide_deep, " + deep},
       bars(.813822, .438046, "WideDeep_criteo_x1", 5),
       numbers},
      {"deepfm",
       config,
       {"model={name: deepfm, " + deep},
       bars(.813812, .438033, "DeepFM_criteo_x1", 5),
       numbers},
      {"dcnv2",
       config,
       {"model={name: dcnv2, cross_layers: 3, rank: 0, structure: parallel, hidden: [500, 500, "
        "500], dropout: 0.1}"},
       bars(.813939, .438087, "DCNv2_criteo_x1", 5),
       numbers},
      {"dlrm",
       config,
       {"model={name: dlrm, bottom: [400, 400, 400, 10], top: [400, 400, 400, 1], dropout: 0.2, "
        "batch_norm: true}"},
       bars(.813804, .438155, "DLRM_criteo_x1"),
       ""}};
  return preset;
}

CtrPreset x4() {
  const std::string config = "configs/criteo_x4.yaml";
  const std::string deep = "hidden: [1000, 1000, 1000, 1000, 1000], dropout: 0.2}";
  CtrPreset preset =
      split_preset("criteo_x4", {.train = 36'672'493, .eval = 4'584'062, .test = 4'584'062});
  preset.models = {
      {"logistic_regression",
       config,
       {"model={name: logistic_regression}", "tables.wide.optimizer.l2=1e-7"},
       bars(.793359, .456754, "LR_criteo_x4_001"),
       ""},
      {"wide_deep",
       config,
       {"model={name: wide_deep, " + deep},
       bars(.814232, .437693, "WideDeep_criteo_x4_001"),
       ""},
      {"deepfm",
       config,
       {"model={name: deepfm, " + deep},
       bars(.814332, .437584, "DeepFM_criteo_x4_001"),
       ""},
      {"dcnv2",
       config,
       {"model={name: dcnv2, cross_layers: 3, rank: 0, structure: parallel, hidden: [1000, 1000, "
        "1000, 1000, 1000], dropout: 0.1, batch_norm: true}"},
       bars(.814514, .437631, "DCNv2_criteo_x4_001"),
       ""}};
  preset.remark =
      "published with categories seen fewer than 10 times as one; here each has its row";
  return preset;
}

CtrPreset terabyte() {
  CtrPreset preset;
  preset.name = "terabyte";
  preset.train.rows = 4'195'197'692;
  for (int day = 0; day < 23; ++day) preset.train.names.push_back(fmt::format("day_{}", day));
  preset.eval = {{"day_23"}, 178'274'637};
  preset.eval_first_half = true;
  preset.models = {{"dlrm",
                    "configs/dlrm_mlperf.yaml",
                    {},
                    PublishedResult{.8025, std::nullopt, "mlcommons/inference, dlrm README"},
                    ""}};
  preset.remark = "evaluated, as in MLPerf, on the first half of day_23";
  return preset;
}

}  // namespace

std::vector<std::string> preset_names() {
  return {"criteo_kaggle", "criteo_x1", "criteo_x4", "terabyte"};
}

CtrPreset find_preset(const std::string& name) {
  for (CtrPreset& preset : std::vector<CtrPreset>{kaggle(), x1(), x4(), terabyte()}) {
    if (preset.name == name) return std::move(preset);
  }
  throw Error(ErrorCode::kUsage, "no preset is named '{}'", name);
}

std::vector<std::string> find_files(const std::string& folder, const PresetFiles& files) {
  std::vector<std::string> out;
  for (const std::string& name : files.names) {
    std::string found;
    for (const char* ending : {"", ".gz", ".zst"}) {
      const std::string path = folder + "/" + name + ending;
      if (found.empty() && std::filesystem::exists(path)) found = path;
    }
    if (found.empty()) {
      throw Error(ErrorCode::kMissing, "{}/{} is absent (also as .gz and .zst)", folder, name);
    }
    out.push_back(found);
  }
  return out;
}

}  // namespace strata::cli
