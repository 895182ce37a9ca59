#include "cli/ctr_presets.h"

#include <fmt/format.h>

#include <filesystem>

#include "base/error.h"

namespace strata::cli {
namespace {

constexpr const char* kBars = "BARS, reczoo.github.io";

PublishedResult bars(double auc, double logloss) { return {auc, logloss, kBars}; }

/// Models of the BARS benchmark; `config` holds the recipe they share.
std::vector<PresetModel> bars_models(const std::string& config) {
  const std::string deep = "hidden: [400, 400, 400], dropout: 0.1, batch_norm: true";
  return {
      {"logistic_regression", config, {"model={name: logistic_regression}"}, {}, ""},
      {"wide_deep", config, {"model={name: wide_deep, " + deep + "}"}, {}, ""},
      {"deepfm", config, {"model={name: deepfm, " + deep + "}"}, {}, ""},
      {"dcnv2",
       config,
       {"model={name: dcnv2, cross_layers: 3, rank: 0, structure: parallel, " + deep + "}"},
       {},
       ""},
  };
}

CtrPreset kaggle() {
  return {"criteo_kaggle",
          {{"train.txt"}, 45'840'617},
          {},
          {},
          {{"dlrm",
            "configs/dlrm_kaggle.yaml",
            {},
            std::nullopt,
            "the authors publish accuracy curves, no AUC"}}};
}

CtrPreset x1() {
  CtrPreset preset{"criteo_x1",
                   {{"train.csv"}, 33'003'326},
                   {{"valid.csv"}, 8'250'124},
                   {{"test.csv"}, 4'587'167},
                   bars_models("configs/criteo_x1.yaml")};
  const PublishedResult rows[] = {bars(.7886, .4609), bars(.8139, .4380), bars(.8137, .4381),
                                  bars(.8142, .4378)};
  for (size_t i = 0; i < preset.models.size(); ++i) preset.models[i].published = rows[i];
  preset.models.push_back({"dlrm",
                           "configs/criteo_x1.yaml",
                           {"model={name: dlrm, bottom: [400, 400, 400, 10], top: [400, 400, 400, "
                            "1]}"},
                           bars(.8138, .4382),
                           "published with dropout 0.2 and batch norm"});
  return preset;
}

CtrPreset x4() {
  CtrPreset preset{"criteo_x4",
                   {{"train.csv"}, 36'672'493},
                   {{"valid.csv"}, 4'584'062},
                   {{"test.csv"}, 4'584'062},
                   bars_models("configs/criteo_x4.yaml")};
  const PublishedResult rows[] = {bars(.7934, .4568), bars(.8142, .4377), bars(.8143, .4376),
                                  bars(.8145, .4376)};
  for (size_t i = 0; i < preset.models.size(); ++i) {
    preset.models[i].published = rows[i];
    preset.models[i].remark = "published with categories seen < 10 times as one";
  }
  return preset;
}

CtrPreset terabyte() {
  PresetFiles train{{}, 4'195'197'692};
  for (int day = 0; day < 23; ++day) train.names.push_back(fmt::format("day_{}", day));
  const std::string remark = "published on the first half of day_23";
  return {"terabyte",
          train,
          {{"day_23"}, 178'274'637},
          {},
          {{"dlrm",
            "configs/dlrm_mlperf.yaml",
            {},
            PublishedResult{.8025, {}, "MLPerf training v2.1"},
            remark}}};
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
