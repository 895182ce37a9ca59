// strata eval RUN --data FILE: metrics of a trained model.
#include <fmt/format.h>

#include <chrono>
#include <memory>
#include <optional>

#include "cli/command.h"
#include "cli/model_source.h"
#include "train/evaluation.h"

namespace strata::cli {
namespace {

struct EvalArguments {
  std::string model;
  std::vector<std::string> files;
  int threads = 0;
};

/// Numbers that are undefined (AUC of one class) are null.
nlohmann::ordered_json number(const std::optional<double>& value) {
  return value ? nlohmann::ordered_json(*value) : nlohmann::ordered_json();
}

std::string shown(const std::optional<double>& value) {
  return value ? fmt::format("{:.6f}", *value) : "undefined";
}

int evaluate_model(const EvalArguments& arguments, const Context& context) {
  using Clock = std::chrono::steady_clock;
  const TrainedModel model = load_model(arguments.model);
  const auto reader = open_rows(model, arguments.files, RowUse::kEvaluate);
  ThreadPool pool(compute_threads(arguments.threads));
  const Clock::time_point start = Clock::now();
  const auto metrics = train::evaluate(*model.network, *reader, model.next_update(), pool, {});
  const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
  if (context.json) {
    print_json({{"auc", number(metrics->auc)},
                {"logloss", number(metrics->logloss)},
                {"ne", number(metrics->normalized_entropy)},
                {"calibration", number(metrics->calibration)},
                {"gauc", number(metrics->group_auc)},
                {"samples", metrics->samples},
                {"samples_per_second", static_cast<double>(metrics->samples) / seconds},
                {"steps", model.step},
                {"bad_rows", reader->statistics().bad},
                {"checkpoint", model.directory}});
  } else {
    print_text(fmt::format(
        "{}, step {}: {} samples\n  auc          {}\n  logloss      {}\n"
        "  ne           {}\n  calibration  {}\n",
        model.directory, model.step, metrics->samples, shown(metrics->auc), shown(metrics->logloss),
        shown(metrics->normalized_entropy), shown(metrics->calibration)));
  }
  return 0;
}

}  // namespace

void add_eval(CLI::App& app, Action& chosen) {
  CLI::App* command = app.add_subcommand("eval", "Evaluate a trained model");
  const auto arguments = std::make_shared<EvalArguments>();
  command->add_option("RUN", arguments->model, "Run, checkpoint, exports or export")->required();
  command->add_option("--data", arguments->files,
                      "Files with labels; default: the evaluation data of the run");
  command->add_option("--threads", arguments->threads, "Compute threads; 0: all of the machine")
      ->check(CLI::Range(0, 1024));
  command->callback([arguments, &chosen] {
    chosen = [arguments](const Context& context) { return evaluate_model(*arguments, context); };
  });
}

}  // namespace strata::cli
