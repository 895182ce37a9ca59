#pragma once
// The whole config of a run: one struct per room, read from YAML, environment and --set, checked,
// and written back. Precedence: default < file < environment < --set.

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/config_fault.h"
#include "base/fields.h"
#include "data/config.h"
#include "dense/dense_config.h"
#include "embedding/table_config.h"
#include "models/model_list.h"
#include "train/checkpoint_config.h"
#include "train/config_leaves.h"
#include "train/config_schema.h"
#include "train/train_config.h"
#include "train/yaml_node.h"

namespace strata::train {

enum class Device : uint8_t { kAuto, kCpu, kCuda };

/// The YAML group `tables`. Tables of one feature's first-order weight are named wide_<feature>.
struct TablesConfig {
  embedding::TableConfig defaults;
  embedding::TableConfig wide;
  std::map<std::string, embedding::TableConfig> by_name;

  TablesConfig();

  template <class V>
  void visit(V& v) {
    v("defaults", defaults, {.doc = "Every table that is not wide, unless named below."});
    v("wide", wide,
      {.doc = "The wide tables: weights of single features in wide_deep, deepfm and "
              "logistic_regression. Their dim is 1 and their first weights are zero."});
    v.rest(by_name, {.doc = "One table; keys left out are those of defaults, or of wide."},
           [this](std::string_view name) { return base_of(name); });
  }

  /// What the table `name` is configured as. Wide tables start from `wide`, others from `defaults`.
  embedding::TableConfig table(std::string_view name) const;

 private:
  embedding::TableConfig base_of(std::string_view name) const;
};

/// Everything about a run. Defaults are those of configs/reference.yaml.
struct Config {
  models::ModelVariant model;
  data::DataConfig data;
  TablesConfig tables;
  dense::DenseConfig dense;
  TrainConfig train;
  CheckpointConfig checkpoint;
  MemoryConfig memory;
  Device device = Device::kAuto;

  template <class V>
  void visit(V& v) {
    v("model", model, {.doc = "What is trained; `name` selects it."});
    v("data", data, {.doc = "Where samples come from, in which order, and what they mean."});
    v("tables", tables, {.doc = "Embedding tables."});
    v("dense", dense, {.doc = "The dense part, apart from its shape."});
    v("train", train, {.doc = "Batches, steps, schedules, evaluation."});
    v("checkpoint", checkpoint, {.doc = "The run's folder and when it is saved."});
    v("memory", memory, {.doc = "Limits on memory."});
    v("device", device,
      {.doc = "auto takes the GPU when build, driver and libraries allow it.",
       .on_resume = OnResume::kFree});
  }
};

/// What a config is read from.
struct ConfigInputs {
  std::string file{};                                              // empty: defaults
  std::vector<std::pair<std::string, std::string>> environment{};  // STRATA_… names and values
  std::vector<std::string> sets{};                                 // "key=value"
};

/// The STRATA_… variables of the process, sorted by name, without those that are no config:
/// STRATA_ISA (kernels) and STRATA_TEST_…
std::vector<std::pair<std::string, std::string>> config_environment();

/// A checked config and where each of its values came from.
class LoadedConfig {
 public:
  Config config;

  /// "configs/x.yaml:14", "environment STRATA_X", "--set a=b" or "default".
  std::string origin(const std::vector<std::string>& path) const;

  /// Runs `body`; ConfigFaults that leave it become a ConfigError that points at the values: for
  /// what is found out later.
  template <class F>
  decltype(auto) located(F&& body) const {
    try {
      return std::forward<F>(body)();
    } catch (const ConfigFaults& faults) {
      fail(faults);
    }
  }

 private:
  [[noreturn]] void fail(const ConfigFaults& faults) const;

  friend LoadedConfig load_config(const ConfigInputs& inputs);
  friend LoadedConfig load_resolved(const std::string& text, const std::string& name);
  YamlNode tree_;
  Problems problems_;
};

/// Reads and checks. Throws ConfigError (exit 78, or 71 where sizes cannot fit) with every problem
/// found, Error{missing} without the file, Error{io}.
LoadedConfig load_config(const ConfigInputs& inputs);

/// The resolved config of a run from its text; `name` is the file for messages. Throws ConfigError.
LoadedConfig load_resolved(const std::string& text, const std::string& name);
/// The same without the places of its values.
Config parse_config(const std::string& text, const std::string& name);

/// Every value, as YAML that reads back equal. Secrets are written as "***".
std::string write_config(const Config& config);

/// A value that differs between two configs; text is empty where the key does not exist.
struct ChangedKey {
  std::string key;
  std::string before;
  std::string after;
  OnResume on_resume = OnResume::kFixed;
};

/// The keys whose values differ, in the order of `after`; then those only `before` has.
std::vector<ChangedKey> changed_keys(const Config& before, const Config& after);

/// The file configs/reference.yaml.
std::string reference_config();

}  // namespace strata::train

template <>
struct strata::EnumNames<strata::train::Device> {
  using enum strata::train::Device;
  static constexpr std::pair<strata::train::Device, std::string_view> kNames[] = {
      {kAuto, "auto"}, {kCpu, "cpu"}, {kCuda, "cuda"}};
};
