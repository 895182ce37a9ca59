#include "cli/ctr_runs.h"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>

#include "base/error.h"
#include "base/shipped.h"
#include "base/thread_pool.h"
#include "cli/command.h"
#include "cli/model_source.h"
#include "train/evaluation.h"
#include "train/run.h"

namespace strata::cli {
namespace {

using nlohmann::json;

constexpr const char* kResultName = "bench.json";

json optional_json(const std::optional<double>& value) { return value ? json(*value) : json(); }

std::optional<double> optional_from(const json& value) {
  if (value.is_null()) return std::nullopt;
  return value.get<double>();
}

json metrics_json(const kernels::EvalMetrics& metrics) {
  return {{"auc", optional_json(metrics.auc)},
          {"logloss", optional_json(metrics.logloss)},
          {"ne", optional_json(metrics.normalized_entropy)},
          {"calibration", optional_json(metrics.calibration)}};
}

kernels::EvalMetrics evaluate_files(const CtrRun& run) {
  const TrainedModel model = load_model(run.folder);
  const auto reader = open_rows(model, run.test_files, RowUse::kEvaluate);
  ThreadPool pool(compute_threads(0));
  return train::evaluate(*model.network, *reader, model.next_update(), pool, {}).value();
}

/// The child: trains, evaluates, leaves bench.json in the folder of the run.
int train_here(const CtrRun& run) {
  std::vector<std::string> sets = run.sets;
  sets.push_back("checkpoint.path=" + run.folder);
  const train::LoadedConfig loaded = train::load_config(
      {.file = shipped_path(run.config), .environment = train::config_environment(), .sets = sets});
  train::RunRequest request;
  request.config = loaded.config;
  for (data::ColumnConfig& column : request.config.data.columns) {
    const bool named = column.type == data::ColumnType::kLabel && !run.label_field.empty();
    if (named) column.source = run.label_field;
  }
  request.start = train::StartMode::kOverwrite;
  request.out = stderr;
  request.terminal = isatty(STDERR_FILENO) != 0;
  request.command_line = "strata bench ctr";
  const train::RunResult result = loaded.located([&] { return train::run_training(request); });
  json out = metrics_json(result.evaluation.value_or(kernels::EvalMetrics{}));
  if (!run.test_files.empty()) out = metrics_json(evaluate_files(run));
  out["samples_per_second"] = result.samples_per_second;
  out["memory_bytes"] = result.memory_bytes;
  out["samples"] = result.samples;
  out["steps"] = result.steps;
  std::ofstream file(run.folder + "/" + kResultName);
  file << out;
  file.flush();
  if (!file) throw Error(ErrorCode::kIo, "cannot write {}/{}", run.folder, kResultName);
  return 0;
}

CtrResult read_result(const std::string& folder) {
  std::ifstream file(folder + "/" + kResultName);
  const json in = json::parse(file);
  CtrResult out;
  out.auc = optional_from(in.at("auc"));
  out.logloss = optional_from(in.at("logloss"));
  out.ne = optional_from(in.at("ne"));
  out.calibration = optional_from(in.at("calibration"));
  out.samples_per_second = in.at("samples_per_second");
  out.memory_bytes = in.at("memory_bytes");
  out.samples = in.at("samples");
  out.steps = in.at("steps");
  return out;
}

}  // namespace

CtrResult run_apart(const CtrRun& run) {
  std::fflush(nullptr);
  const pid_t child = fork();
  if (child < 0) throw Error(ErrorCode::kResource, "cannot start a process");
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);  // a benchmark that is ended ends its training
    const int code = guarded(Context{}, [&] { return train_here(run); });
    std::fflush(nullptr);
    _exit(code);
  }
  int status = 0;
  if (waitpid(child, &status, 0) != child) throw Error(ErrorCode::kIo, "waiting for {}", child);
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  if (code != 0) {
    throw Error(static_cast<ErrorCode>(code), "{} with {} ended with exit code {}", run.config,
                run.folder, code);
  }
  return read_result(run.folder);
}

}  // namespace strata::cli
