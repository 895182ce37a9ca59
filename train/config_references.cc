#include "train/config_references.h"

#include <optional>
#include <string>
#include <variant>

#include "base/config_fault.h"
#include "data/hidden_model.h"
#include "train/model_setup.h"
#include "train/schedule.h"

namespace strata::train {
namespace {

void require_label(const data::Schema& schema) {
  if (schema.label.field >= 0) return;
  throw_fault({{{"data", "columns"}},
               "data.columns: no column is of type label; training needs to know which"});
}

/// A metric of the evaluations that the run acts upon, and the key that asks for it.
struct Watched {
  ConfigPath path;
  std::string name;
  EvalMetric metric;
};

/// Where the plateau schedule of `part` is given.
ConfigPath plateau_path(const PartSchedules& schedules, Part part) {
  const auto own = [](const auto& schedule, const char* key) {
    return schedule ? ConfigPath{"train", "schedules", key, "decay"}
                    : ConfigPath{"train", "schedule", "decay"};
  };
  switch (part) {
    case Part::kDense:
      return own(schedules.dense, "dense");
    case Part::kTables:
      return own(schedules.tables, "tables");
    case Part::kWide:
      break;
  }
  return own(schedules.wide, "wide");
}

std::vector<Watched> watched_metrics(const TrainConfig& train) {
  std::vector<Watched> watched;
  for (const Part part : {Part::kDense, Part::kTables, Part::kWide}) {
    const auto* plateau = std::get_if<PlateauDecay>(&schedule_of(train, part).decay);
    if (plateau == nullptr) continue;
    const ConfigPath path = plateau_path(train.schedules, part);
    if (!watched.empty() && watched.back().path == path) continue;
    watched.push_back({path, "a plateau schedule", plateau->metric});
  }
  if (train.early_stopping) {
    watched.push_back(
        {{"train", "early_stopping"}, "train.early_stopping", train.early_stopping->metric});
  }
  return watched;
}

/// Early stopping and plateau schedules are nothing without the evaluations they watch.
void check_watched(const Config& config, const data::Schema& schema, FaultList& faults) {
  for (const auto& [path, name, metric] : watched_metrics(config.train)) {
    if (!has_eval_data(config)) {
      faults.add(
          {{path}, name + " needs evaluation data: data.eval and data.eval_fraction are unset"});
    } else if (metric == EvalMetric::kGauc && schema.group_field < 0) {
      ConfigPath place = path;
      place.emplace_back("metric");
      faults.add(
          {{place, path}, name + " watches gauc, but no column of data.columns is of type group"});
    }
  }
}

}  // namespace

void check_references(const Config& config) {
  FaultList faults;
  std::optional<data::Schema> schema;
  faults.collect([&] { schema = data::planned_schema(config.data); });
  if (schema) {
    faults.collect([&] { require_label(*schema); });
    faults.collect([&] { models::check_network(plan_network(config, *schema)); });
    check_watched(config, *schema, faults);
  }
  if (config.data.format == data::Format::kSynthetic) {
    faults.collect([&] { data::interacting_columns(config.data.synthetic); });
  }
  faults.throw_if_any();
}

}  // namespace strata::train
