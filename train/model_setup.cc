#include "train/model_setup.h"

#include <algorithm>
#include <thread>

#include "base/error.h"
#include "train/inputs.h"

namespace strata::train {
namespace {

void require_known_tables(const TablesConfig& config,
                          const std::vector<embedding::TableConfig>& tables) {
  for (const auto& [name, unused] : config.by_name) {
    const bool known = std::any_of(tables.begin(), tables.end(),
                                   [&](const auto& table) { return table.name == name; });
    if (known) continue;
    std::string names;
    for (const auto& table : tables) names += (names.empty() ? "" : ", ") + table.name;
    throw Error{ErrorCode::kConfig,
                "tables.{}: no feature of this model uses a table of that "
                "name; its tables are {}",
                name, names};
  }
}

data::ReadPlan read_plan(const TrainConfig& config) {
  return {.batch_size = config.batch_size,
          .chunks = static_cast<int>(config.resolved_chunks()),
          .seed = config.seed,
          .epochs = config.epochs,
          .start = {}};
}

}  // namespace

std::unique_ptr<models::Network> make_network(const Config& config, const data::Schema& schema) {
  const TableResolver table_of = [&](const std::string& name, bool /*wide*/) {
    return config.tables.table(name);
  };
  const models::InputSpec input = make_input_spec(schema, table_of);
  const auto tables = make_tables(config.model, input, table_of);
  require_known_tables(config.tables, tables);
  return std::make_unique<models::Network>(models::NetworkConfig{.model = config.model,
                                                                 .input = input,
                                                                 .tables = tables,
                                                                 .dense = config.dense,
                                                                 .seed = config.train.seed});
}

std::unique_ptr<data::Reader> make_train_reader(const Config& config, const data::Schema& schema) {
  if (schema.label.field < 0) {
    throw Error{ErrorCode::kConfig,
                "data.columns: no column is of type label; training needs to know which"};
  }
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
