#include "train/model_setup.h"

#include <algorithm>
#include <thread>

#include "base/config_fault.h"
#include "train/inputs.h"

namespace strata::train {
namespace {

void require_known_tables(const TablesConfig& config,
                          const std::vector<embedding::TableConfig>& tables) {
  FaultList faults;
  for (const auto& [name, unused] : config.by_name) {
    const bool known = std::any_of(tables.begin(), tables.end(),
                                   [&](const auto& table) { return table.name == name; });
    if (known) continue;
    std::vector<std::string> names;
    names.reserve(tables.size());
    for (const auto& table : tables) names.push_back(table.name);
    faults.add({{{"tables", name}},
                fmt::format("tables.{}: no feature of this model uses a table of that name", name),
                suggest_name(name, names, "its tables")});
  }
  faults.throw_if_any();
}

data::ReadPlan read_plan(const TrainConfig& config) {
  return {.batch_size = config.batch_size,
          .chunks = static_cast<int>(config.resolved_chunks()),
          .seed = config.seed,
          .epochs = config.epochs,
          .start = {}};
}

}  // namespace

models::NetworkConfig plan_network(const Config& config, const data::Schema& schema) {
  const TableResolver table_of = [&](const std::string& name, bool /*wide*/) {
    return config.tables.table(name);
  };
  const models::InputSpec input = make_input_spec(schema, table_of);
  const auto tables = make_tables(config.model, input, table_of);
  require_known_tables(config.tables, tables);
  return {.model = config.model,
          .input = input,
          .tables = tables,
          .dense = config.dense,
          .seed = config.train.seed};
}

std::unique_ptr<models::Network> make_network(const Config& config, const data::Schema& schema,
                                              ModelUse use) {
  models::NetworkConfig network = plan_network(config, schema);
  for (embedding::TableConfig& table : network.tables) {
    if (use == ModelUse::kRead && table.tiers.ssd)
      table.tiers.ssd->path = embedding::tier_path(table.tiers.ssd->path) + ".read";
  }
  return std::make_unique<models::Network>(std::move(network));
}

std::unique_ptr<data::Reader> make_train_reader(const Config& config, const data::Schema& schema) {
  return data::make_reader(config.data, schema, data::Part::kTrain, read_plan(config.train));
}

std::unique_ptr<data::Reader> make_eval_reader(const Config& config, const data::Schema& schema) {
  data::ReadPlan plan = read_plan(config.train);
  plan.batch_size = config.train.resolved_eval_batch_size();
  plan.epochs = 1;
  return data::make_reader(config.data, schema, data::Part::kEval, plan);
}

bool has_eval_data(const Config& config) {
  return !config.data.eval.empty() || config.data.eval_fraction > 0;
}

int thread_count(const TrainConfig& config) {
  if (config.threads > 0) return static_cast<int>(config.threads);
  return static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
}

}  // namespace strata::train
