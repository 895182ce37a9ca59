// strata train FILE: trains a model and leaves a run.
#include <unistd.h>

#include <memory>
#include <optional>

#include "cli/command.h"
#include "cli/config_arguments.h"
#include "cli/stop_signals.h"
#include "train/run.h"

namespace strata::cli {
namespace {

struct TrainArguments {
  ConfigArguments config;
  std::string resume;
  bool overwrite = false;
  std::optional<int64_t> threads;
  std::vector<std::string> allow_change;
  bool reinit_missing_state = false;
  bool allow_nonfinite = false;
};

void require_training_data(const data::DataConfig& data) {
  if (data.format == data::Format::kSynthetic || !data.train.empty()) return;
  throw_fault({{{"data", "train"}},
               "data.train is empty: name the training files with --set data.train=FILE"});
}

/// The folder of the run that --resume names: a path wins over checkpoint.path.
void set_start(const TrainArguments& arguments, train::RunRequest& request) {
  if (arguments.overwrite) request.start = train::StartMode::kOverwrite;
  if (arguments.resume.empty()) return;
  request.start = train::StartMode::kResume;
  if (arguments.resume == "auto") return;
  request.resume = train::ResumeFrom::kCurrent;
  request.config.checkpoint.path = arguments.resume;
}

int train_model(const TrainArguments& arguments, const Context& context) {
  const train::LoadedConfig loaded = arguments.config.load();
  const StopSignals signals(loaded.config.checkpoint.grace.seconds);
  train::RunRequest request;
  request.config = loaded.config;
  if (arguments.threads) request.config.train.threads = *arguments.threads;
  set_start(arguments, request);
  request.allow_change = arguments.allow_change;
  request.reinit_missing_state = arguments.reinit_missing_state;
  request.allow_nonfinite = arguments.allow_nonfinite;
  request.stop = signals.token();
  request.out = stderr;
  request.terminal = isatty(STDERR_FILENO) != 0;
  request.command_line = context.command_line;
  const train::RunResult result = loaded.located([&] {
    require_training_data(request.config.data);
    return train::run_training(request);
  });
  if (context.json) {
    print_json(to_json(result));
  } else {
    print_text(format_result(result));
  }
  return result.exit_code();
}

void add_options(CLI::App& command, TrainArguments& arguments) {
  arguments.config.add_to(command, true);
  CLI::Option* resume = command.add_option(
      "--resume", arguments.resume,
      "auto: continue the newest good checkpoint of checkpoint.path, or start; a path: continue "
      "the current checkpoint of that run");
  command.add_flag("--overwrite", arguments.overwrite, "Remove the run that is there")
      ->excludes(resume);
  command.add_option("--threads", arguments.threads, "Compute threads (train.threads)")
      ->check(CLI::Range(1, 1024));
  command
      .add_option("--allow-change", arguments.allow_change,
                  "Key that may differ from the resumed run, or a group of them")
      ->type_name("KEY")
      ->expected(1)
      ->take_all();
  command.add_flag("--reinit-missing-state", arguments.reinit_missing_state,
                   "Start optimizer state afresh where the checkpoint has none");
  command.add_flag("--allow-nonfinite", arguments.allow_nonfinite, "Load rows that are not finite");
}

}  // namespace

void add_train(CLI::App& app, Action& chosen) {
  CLI::App* command = app.add_subcommand("train", "Train the model of FILE");
  const auto arguments = std::make_shared<TrainArguments>();
  add_options(*command, *arguments);
  command->callback([arguments, &chosen] {
    chosen = [arguments](const Context& context) { return train_model(*arguments, context); };
  });
}

}  // namespace strata::cli
