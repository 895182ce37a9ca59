// What cannot fit, and the change that would.

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <functional>
#include <optional>
#include <set>

#include "base/config_fault.h"
#include "train/memory_limit.h"
#include "train/plan_memory.h"

namespace strata::train {
namespace {

constexpr int64_t kMiB = 1 << 20;

std::string mib(double bytes) {
  return fmt::format("{:.0f}MiB", std::ceil(bytes / static_cast<double>(kMiB)));
}

std::string human(double bytes) { return format_bytes(static_cast<int64_t>(bytes)); }

/// Where a table's keys are written in YAML.
std::string group_of(const Config& config, const embedding::TableConfig& table) {
  if (config.tables.by_name.contains(table.name)) return "tables." + table.name;
  return table.name.starts_with("wide_") ? "tables.wide" : "tables.defaults";
}

/// Bytes that may still be written where `path` is or will be; nothing when nobody knows.
std::optional<double> available_bytes(const std::string& path) {
  std::error_code error;
  std::filesystem::path place = std::filesystem::absolute(path, error);
  while (!std::filesystem::exists(place, error) && place.has_relative_path()) {
    place = place.parent_path();
  }
  const std::filesystem::space_info space = std::filesystem::space(place, error);
  if (error) return {};
  return static_cast<double>(space.available);
}

class Refusals {
 public:
  Refusals(const Config& config, const data::Schema& schema, const PlanBasis& basis,
           const Plan& plan)
      : config_(config), schema_(schema), basis_(basis), plan_(plan) {}

  std::vector<std::string> all() {
    memory();
    batches();
    disk();
    return std::move(out_);
  }

 private:
  using Change = std::function<void(embedding::TableConfig&)>;

  void memory();
  void batches();
  void disk();
  bool fits_with(const Change& change) const;
  void offer(const Change& change, const std::string& text);
  void offer_tiers();
  double limit() const { return static_cast<double>(plan_.limit_bytes); }

  const Config& config_;
  const data::Schema& schema_;
  const PlanBasis& basis_;
  const Plan& plan_;
  std::vector<std::string> offers_;
  std::vector<std::string> out_;
};

/// Also false where the model does not go with the change.
bool Refusals::fits_with(const Change& change) const {
  Config changed = config_;
  change(changed.tables.defaults);
  for (auto& [name, table] : changed.tables.by_name) change(table);
  try {
    return make_plan(changed, schema_, basis_).memory.peak() <= limit();
  } catch (const ConfigFaults&) {
    return false;
  }
}

void Refusals::offer(const Change& change, const std::string& text) {
  if (fits_with(change)) offers_.push_back(text);
}

/// All tables over an SSD, with what memory is left as their budget.
void Refusals::offer_tiers() {
  embedding::TiersConfig tiers;
  tiers.ssd.emplace().path = "SSD";
  const MemoryPlan& memory = plan_.memory;
  const double rest = memory.peak() - memory.tables - memory.budgets - memory.databases -
                      memory.reserve - memory.checkpoint +
                      static_cast<double>(tiers.ssd->memory.value);
  const double room = 0.98 * (limit() - rest);
  if (room < 16 * kMiB) return;
  tiers.dram = Bytes{static_cast<int64_t>(room) / kMiB * kMiB};
  offer([&](embedding::TableConfig& table) { table.tiers = tiers; },
        fmt::format("tables.defaults.tiers.dram={} with tables.defaults.tiers.ssd.path=DIRECTORY",
                    mib(static_cast<double>(tiers.dram->value))));
}

void Refusals::memory() {
  const double peak = plan_.memory.peak();
  if (peak <= limit()) return;
  if (peak < 0.9 * static_cast<double>(machine_memory_bytes())) {
    offers_.push_back("memory.limit=" + mib(peak));
  }
  offer_tiers();
  offer([](embedding::TableConfig& table) { table.dtype = kernels::DType::kBf16; },
        "tables.defaults.dtype=bf16");
  offer(
      [](embedding::TableConfig& table) { table.optimizer.algorithm = kernels::RowwiseAdagrad{}; },
      "tables.defaults.optimizer.name=rowwise_adagrad");
  const int dim = config_.tables.defaults.dim;
  for (int half = dim / 2; half >= 4; half /= 2) {
    const size_t before = offers_.size();
    offer([&](embedding::TableConfig& table) { table.dim = std::min(table.dim, half); },
          fmt::format("tables.defaults.dim={}", half));
    if (offers_.size() > before) break;
  }
  std::string text =
      fmt::format("memory: {} at the end of the run and {} at the most, memory.limit is {}.",
                  human(plan_.memory.steady()), human(peak), human(limit()));
  text += offers_.empty() ? " No single change would make it fit." : " What would fit: ";
  for (const std::string& offer : offers_) text += (&offer == &offers_[0] ? "" : "; or ") + offer;
  out_.push_back(text);
}

/// The rows of a batch stay in DRAM until its update is done.
void Refusals::batches() {
  std::vector<embedding::TiersConfig> seen;
  for (const TablePlan& table : plan_.tables) {
    const embedding::TiersConfig& tiers = table.config.tiers;
    if (!tiers.ssd || !tiers.dram || !table.cache) continue;
    if (std::ranges::find(seen, tiers) != seen.end()) continue;
    seen.push_back(tiers);
    double bytes = 0;
    for (const TablePlan& other : plan_.tables) {
      if (other.config.tiers != tiers || !other.cache) continue;
      bytes += other.batch_rows * other.row.total();
    }
    bytes *= static_cast<double>(config_.train.accumulate);
    if (bytes <= 0.9 * static_cast<double>(tiers.dram->value)) continue;
    const std::string key = group_of(config_, table.config) + ".tiers.dram";
    out_.push_back(fmt::format(
        "{} of {}: the rows of one update take {} and stay in DRAM until it is done. What would "
        "fit: {}={}; or a smaller train.batch_size",
        key, human(static_cast<double>(tiers.dram->value)), human(bytes), key, mib(bytes / 0.9)));
  }
}

void Refusals::disk() {
  const std::string& run = config_.checkpoint.path;
  const auto room = available_bytes(run);
  if (room && plan_.disk.checkpoints > *room) {
    const double most = std::floor(*room / plan_.disk.checkpoint) - 1;
    out_.push_back(fmt::format(
        "checkpoint.path: {} checkpoints and one in the making take {}, {} has {}. What would "
        "fit: {}",
        config_.checkpoint.keep, human(plan_.disk.checkpoints), run, human(*room),
        most >= 1 ? fmt::format("checkpoint.keep={:.0f}; or another disk", most) : "another disk"));
  }
  std::map<std::string, std::pair<double, const TablePlan*>> databases;
  for (const TablePlan& table : plan_.tables) {
    if (!table.config.tiers.ssd) continue;
    auto& [bytes, first] = databases[embedding::tier_path(table.config.tiers.ssd->path)];
    bytes += table.ssd_bytes.value_or(0);
    first = &table;
  }
  for (const auto& [path, database] : databases) {
    const auto& [bytes, table] = database;
    const std::string key = group_of(config_, table->config) + ".tiers.ssd";
    const auto most = static_cast<double>(table->config.tiers.ssd->bytes.value);
    if (most > 0 && bytes > most) {
      out_.push_back(
          fmt::format("{0}.bytes of {1}: the rows take {2}. What would fit: "
                      "{0}.bytes={3}; or a larger tiers.dram",
                      key, human(most), human(bytes), mib(bytes)));
    }
    const auto left = available_bytes(path);
    if (!left || bytes <= *left) continue;
    out_.push_back(fmt::format("{}.path: the rows take {}, {} has {}. What would fit: another disk",
                               key, human(bytes), path, human(*left)));
  }
}

}  // namespace

std::vector<std::string> refusals(const Config& config, const data::Schema& schema,
                                  const PlanBasis& basis, const Plan& plan) {
  return Refusals(config, schema, basis, plan).all();
}

}  // namespace strata::train
