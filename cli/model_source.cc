#include "cli/model_source.h"

#include <algorithm>
#include <thread>

#include "base/error.h"
#include "serving/directory.h"
#include "serving/export.h"
#include "storage/manifest.h"
#include "storage/publication.h"
#include "train/checkpoint.h"
#include "train/model_setup.h"

namespace strata::cli {
namespace {

TrainedModel from_export(const storage::OpenedDirectory& opened) {
  serving::LoadedExport loaded = serving::load_export(*opened.files, opened.name);
  TrainedModel model;
  model.network = std::move(loaded.network);
  model.schema = std::move(loaded.schema);
  model.data.format = model.schema.format;
  model.data.csv = model.schema.csv;
  model.data.hash_seed = model.schema.hash_seed;
  model.step = loaded.step;
  model.eval = loaded.eval;
  return model;
}

TrainedModel from_checkpoint(const storage::OpenedDirectory& opened) {
  const train::CheckpointHead head = train::open_checkpoint(*opened.files, opened.name);
  TrainedModel model;
  model.config = train::load_resolved(
      head.text.resolved_config,
      opened.files->path(storage::join_name(opened.name, train::kResolvedConfigName)));
  const train::Config& config = model.config.config;
  model.schema = data::schema_from_json(head.text.schema);
  model.network = model.config.located(
      [&] { return train::make_network(config, model.schema, train::ModelUse::kRead); });
  train::load_checkpoint(*opened.files, opened.name, model.network->collection(),
                         model.network->parameters(), {});
  model.data = config.data;
  model.step = head.step;
  model.samples = head.text.state.samples;
  model.eval = {config.train.resolved_eval_batch_size(), config.train.resolved_chunks()};
  model.metrics = head.text.metrics;
  return model;
}

}  // namespace

TrainedModel load_model(const std::string& path) {
  const storage::OpenedDirectory opened = serving::open_directory(path);
  const storage::Manifest manifest = storage::read_manifest(*opened.files, opened.name, "");
  TrainedModel model =
      manifest.magic == storage::kExportMagic ? from_export(opened) : from_checkpoint(opened);
  model.directory = opened.name.empty() ? path : opened.name;
  return model;
}

std::unique_ptr<data::Reader> open_rows(const TrainedModel& model,
                                        const std::vector<std::string>& files, RowUse use) {
  data::DataConfig config = model.data;
  data::Schema schema = model.schema;
  if (!files.empty()) {
    config.eval = files;
    config.eval_fraction = 0;
    if (schema.format == data::Format::kSynthetic) schema.format = data::Format::kCriteoTsv;
    config.format = schema.format;
  }
  if (config.eval.empty() && config.eval_fraction == 0) {
    throw Error(ErrorCode::kUsage, "the run has no evaluation data of its own: give --data FILE");
  }
  if (use == RowUse::kPredict) config.max_bad_ratio = 0;
  data::ReadPlan plan;
  plan.batch_size = model.eval.size;
  plan.chunks = static_cast<int>(model.eval.chunks);
  plan.labels = use == RowUse::kEvaluate;
  return model.config.located(
      [&] { return data::make_reader(config, schema, data::Part::kEval, plan); });
}

int compute_threads(int asked) {
  if (asked > 0) return asked;
  return static_cast<int>(std::max(1u, std::thread::hardware_concurrency()));
}

}  // namespace strata::cli
