#include "train/config.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "train/config_check.h"
#include "train/config_overlay.h"
#include "train/config_place.h"
#include "train/config_reader.h"

extern char** environ;

namespace strata::train {
namespace {

constexpr std::string_view kEnvironmentPrefix = "STRATA_";
constexpr std::string_view kSecretText = "\"***\"";

void overlay_environment(YamlNode& tree, const ConfigInputs& inputs, Problems& problems) {
  if (inputs.environment.empty()) return;
  const SchemaNode schema = schema_of(Config{});
  for (const auto& [name, value] : inputs.environment) {
    const int source = problems.add_source({ConfigSource::Kind::kEnvironment, name, value});
    overlay(tree, path_of_variable(name, schema), source, problems);
  }
}

void overlay_sets(YamlNode& tree, const ConfigInputs& inputs, Problems& problems) {
  for (const std::string& option : inputs.sets) {
    const SetOption set = parse_set(option, problems);
    if (!set.path.empty()) overlay(tree, set.path, set.source, problems);
  }
}

Config read_config(const YamlNode& tree, Problems& problems) {
  Config config;
  read_group(tree, config, ReadContext{"", problems});
  for (auto& [name, table] : config.tables.by_name) table.name = name;
  problems.throw_if_any();
  check_config(config, tree, problems);
  return config;
}

/// `text` of a leaf as it stands in a block map; lists of maps keep their line ends.
std::string leaf_line(const ConfigLeaf& leaf) {
  const std::string indent(2 * (leaf.path.size() - 1), ' ');
  const std::string value(leaf.secret ? kSecretText : std::string_view(leaf.text));
  return indent + write_scalar(leaf.path.back()) + ": " + value + "\n";
}

}  // namespace

TablesConfig::TablesConfig() {
  wide.dim = 1;
  wide.optimizer.algorithm = kernels::Ftrl{};
  wide.init.algorithm = kernels::ConstantInit{};
}

embedding::TableConfig TablesConfig::base_of(std::string_view name) const {
  embedding::TableConfig base = name.starts_with("wide_") ? wide : defaults;
  base.name = name;
  return base;
}

embedding::TableConfig TablesConfig::table(std::string_view name) const {
  const auto found = by_name.find(std::string(name));
  return found == by_name.end() ? base_of(name) : found->second;
}

std::vector<std::pair<std::string, std::string>> config_environment() {
  std::vector<std::pair<std::string, std::string>> out;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const size_t equals = text.find('=');
    const std::string_view name = text.substr(0, equals);
    if (equals == std::string_view::npos || !name.starts_with(kEnvironmentPrefix)) continue;
    if (name == "STRATA_ISA" || name.starts_with("STRATA_TEST_")) continue;
    out.emplace_back(name, text.substr(equals + 1));
  }
  std::sort(out.begin(), out.end());
  return out;
}

LoadedConfig load_config(const ConfigInputs& inputs) {
  LoadedConfig loaded;
  if (!inputs.file.empty()) loaded.tree_ = read_yaml_file(inputs.file, loaded.problems_);
  overlay_environment(loaded.tree_, inputs, loaded.problems_);
  overlay_sets(loaded.tree_, inputs, loaded.problems_);
  loaded.config = read_config(loaded.tree_, loaded.problems_);
  return loaded;
}

LoadedConfig load_resolved(const std::string& text, const std::string& name) {
  LoadedConfig loaded;
  const int source = loaded.problems_.add_source({ConfigSource::Kind::kFile, name, text});
  loaded.tree_ = parse_yaml(source, loaded.problems_);
  loaded.config = read_config(loaded.tree_, loaded.problems_);
  return loaded;
}

Config parse_config(const std::string& text, const std::string& name) {
  return load_resolved(text, name).config;
}

std::string LoadedConfig::origin(const std::vector<std::string>& path) const {
  return problems_.origin(place_of(tree_, path));
}

void LoadedConfig::fail(const ConfigFaults& faults) const {
  Problems problems = problems_;
  add_faults(faults, tree_, problems);
  throw ConfigError(problems.report());
}

std::string write_config(const Config& config) {
  std::string out;
  std::vector<std::string> open;  // groups the last line stands in
  for (const ConfigLeaf& leaf : leaves_of(config)) {
    const std::vector<std::string> groups(leaf.path.begin(), leaf.path.end() - 1);
    const auto [same, unused] =
        std::mismatch(groups.begin(), groups.end(), open.begin(), open.end());
    for (auto group = same; group != groups.end(); ++group) {
      const std::string indent(2 * static_cast<size_t>(group - groups.begin()), ' ');
      out += indent + write_scalar(*group) + ":\n";
    }
    out += leaf_line(leaf);
    open = groups;
  }
  return out;
}

std::vector<ChangedKey> changed_keys(const Config& before, const Config& after) {
  const std::vector<ConfigLeaf> old_leaves = leaves_of(before);
  const std::vector<ConfigLeaf> leaves = leaves_of(after);
  const auto find = [](const std::vector<ConfigLeaf>& in, const ConfigLeaf& leaf) {
    const auto found = std::find_if(in.begin(), in.end(),
                                    [&](const ConfigLeaf& l) { return l.path == leaf.path; });
    return found == in.end() ? nullptr : &*found;
  };
  std::vector<ChangedKey> out;
  for (const ConfigLeaf& leaf : leaves) {
    const ConfigLeaf* old = find(old_leaves, leaf);
    if (old != nullptr && old->text == leaf.text) continue;
    out.push_back({leaf.key(), old == nullptr ? "" : old->text, leaf.text, leaf.on_resume});
  }
  for (const ConfigLeaf& old : old_leaves) {
    if (find(leaves, old) == nullptr) out.push_back({old.key(), old.text, "", old.on_resume});
  }
  return out;
}

std::string reference_config() {
  const std::string head =
      "# Every key of a config, with its default and what it means. Printed by\n"
      "# `strata config reference`; a test holds this file to it. Sizes may be written 64k, "
      "512MiB,\n"
      "# 2GiB, times 30s, 30m, 2h. A key may also come from the environment\n"
      "# (STRATA_TRAIN__BATCH_SIZE=4096) or the command line (--set train.batch_size=4096), which\n"
      "# win over the file in this order.\n";
  return head + reference_yaml(schema_of(Config{}));
}

}  // namespace strata::train
