#include "train/config_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "train/config_place.h"
#include "train/config_references.h"
#include "train/memory_limit.h"

namespace strata::train {
namespace {

using Path = std::vector<std::string>;

template <class... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};
template <class... Fs>
Overloaded(Fs...) -> Overloaded<Fs...>;  // clang 16 does not deduce aggregates

bool is_power_of_two(int64_t n) { return n > 0 && (n & (n - 1)) == 0; }

/// Collects contradictions; every message names both keys.
class Checker {
 public:
  Checker(const Config& config, const YamlNode& tree, Problems& problems)
      : config_(config), tree_(tree), problems_(problems) {}

  void check() {
    check_train();
    check_data();
    check_optimizers();
    if (config_.device == Device::kCuda) {
      add({"device"}, "device: this version trains on the CPU alone; write auto or cpu");
    }
  }

 private:
  void add(const Path& path, const std::string& message, const std::string& note = "") {
    problems_.add(place_near(tree_, {path}), message, note);
  }

  void check_train() {
    const TrainConfig& train = config_.train;
    if (train.chunks != 0 && !is_power_of_two(train.chunks)) {
      add({"train", "chunks"},
          fmt::format("train.chunks: expected a power of two, got {}", train.chunks));
    }
    try {
      parse_memory_limit(config_.memory.limit, machine_memory_bytes());
    } catch (const Error& e) {
      add({"memory", "limit"}, e.what());
    }
  }

  void check_data() {
    if (!config_.data.eval.empty() && config_.data.eval_fraction > 0) {
      add({"data", "eval_fraction"},
          "data.eval_fraction and data.eval exclude each other: the evaluation data is either a "
          "share of the training files or files of its own");
    }
  }

  void check_optimizer(const kernels::OptimizerConfig& optimizer, kernels::DType dtype,
                       const Path& group) {
    const auto refusal = optimizer.refusal(dtype);
    if (!refusal) return;
    Path path = group;
    path.emplace_back("optimizer");
    const std::string name = join(group, ".");
    add(path, fmt::format("{}.optimizer and {}.dtype do not fit: {}", name, name, *refusal));
  }

  void check_optimizers() {
    if (const auto refusal = config_.dense.optimizer.refusal(kernels::DType::kF32)) {
      add({"dense", "optimizer"}, "dense.optimizer: " + *refusal);
    }
    const auto check_table = [this](const embedding::TableConfig& table, const Path& group) {
      check_optimizer(table.optimizer, table.dtype, group);
    };
    check_table(config_.tables.defaults, {"tables", "defaults"});
    check_table(config_.tables.wide, {"tables", "wide"});
    for (const auto& [name, table] : config_.tables.by_name) check_table(table, {"tables", name});
  }

  const Config& config_;
  const YamlNode& tree_;
  Problems& problems_;
};

/// Sizes as long double: 64 bits of mantissa and no overflow, whatever a config asks for.
using Count = long double;

/// Weights of fully connected layers of these widths.
Count layer_weights(const std::vector<int>& widths) {
  Count total = 0;
  for (size_t i = 0; i < widths.size(); ++i) {
    const Count before = i == 0 ? 1 : widths[i - 1];
    total += before * widths[i];
  }
  return total;
}

Count widths_sum(const std::vector<int>& widths) {
  Count total = 0;
  for (const int width : widths) total += width;
  return total;
}

/// What the dense part takes at least: the width of the input is not known here.
struct DenseSize {
  Count weights = 0;
  Count activations = 0;  // per sample
};

DenseSize dense_size(const models::ModelVariant& model) {
  const auto of = [](const std::vector<int>& a, const std::vector<int>& b) {
    return DenseSize{layer_weights(a) + layer_weights(b), widths_sum(a) + widths_sum(b)};
  };
  return std::visit(Overloaded{
                        [&](const models::Dlrm& m) { return of(m.bottom, m.top); },
                        [&](const models::WideDeep& m) { return of(m.hidden, {}); },
                        [&](const models::DeepFm& m) { return of(m.hidden, {}); },
                        [&](const models::Dcnv2& m) {
                          DenseSize size = of(m.bottom, m.hidden);
                          size.weights += Count{2} * m.cross_layers * m.rank;
                          size.activations += Count{1} * m.cross_layers * m.rank;
                          return size;
                        },
                        [&](const models::LogisticRegression&) { return DenseSize{}; },
                    },
                    model);
}

std::string size_text(Count bytes) {
  constexpr std::string_view kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB", "ZiB"};
  size_t unit = 0;
  while (bytes >= 1024 && unit + 1 < std::size(kUnits)) {
    bytes /= 1024;
    ++unit;
  }
  return fmt::format("{:.1f} {}", static_cast<double>(bytes), kUnits[unit]);
}

struct Need {
  Path path;
  std::string what;
  Count bytes = 0;
};

/// Lower bounds of what is allocated before the first step.
std::vector<Need> memory_needs(const Config& config) {
  const DenseSize dense = dense_size(config.model);
  const Count batch = config.train.batch_size;
  const Count eval_batch = config.train.resolved_eval_batch_size();
  const Count window = Count{2} * config.data.window_blocks * config.data.block_bytes.value;
  return {
      {{"memory", "limit"}, "the program's own pages", static_cast<Count>(resident_bytes())},
      {{"model"}, "weights and gradients of the model", dense.weights * 8},
      {{"train", "batch_size"},
       "activations and gradients of train.batch_size samples",
       std::max(batch, eval_batch) * dense.activations * 8},
      {{"data", "prefetch"},
       "data.prefetch batches of train.batch_size samples",
       (Count{1} + config.data.prefetch) * batch * 16},
      {{"data", "window_blocks"},
       "data.window_blocks blocks of data.block_bytes",
       config.data.shuffle && config.data.format != data::Format::kSynthetic ? window : 0},
  };
}

void check_memory(const Config& config, const YamlNode& tree, Problems& problems) {
  const auto budget =
      static_cast<Count>(parse_memory_limit(config.memory.limit, machine_memory_bytes()));
  Count total = 0;
  const std::vector<Need> needs = memory_needs(config);
  for (const Need& need : needs) total += need.bytes;
  if (total <= budget) return;
  const auto largest = std::max_element(
      needs.begin(), needs.end(), [](const Need& a, const Need& b) { return a.bytes < b.bytes; });
  problems.add(place_near(tree, {largest->path}),
               fmt::format("needs {} at least, budget {} (memory.limit {}): {} take {}",
                           size_text(total), size_text(budget), config.memory.limit, largest->what,
                           size_text(largest->bytes)));
  throw ConfigError(problems.report(), ErrorCode::kResource);
}

/// A shuffled window is addressed by 31 bits (data/window.h).
void check_window(const data::DataConfig& data, const YamlNode& tree, Problems& problems) {
  const Count bytes = Count{1} * data.window_blocks * data.block_bytes.value;
  if (!data.shuffle || bytes < Count{1ull << 31}) return;
  problems.add(place_near(tree, {{"data", "window_blocks"}, {"data", "block_bytes"}}),
               fmt::format("data.window_blocks x data.block_bytes: a window of {} is above 2 GiB",
                           size_text(bytes)));
}

}  // namespace

void check_config(const Config& config, const YamlNode& tree, Problems& problems) {
  Checker(config, tree, problems).check();
  try {
    check_references(config);
  } catch (const ConfigFaults& faults) {
    add_faults(faults, tree, problems);
  }
  problems.throw_if_any();
  check_memory(config, tree, problems);
  check_window(config.data, tree, problems);
  problems.throw_if_any();
}

}  // namespace strata::train
