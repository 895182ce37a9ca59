// strata bench ctr: models side by side, over seeds, on the user's data or a public data set.
#include <fmt/format.h>

#include <filesystem>
#include <memory>

#include "base/error.h"
#include "base/shipped.h"
#include "cli/command.h"
#include "cli/ctr_presets.h"
#include "cli/ctr_runs.h"
#include "data/reader.h"
#include "train/config.h"
#include "train/memory_limit.h"
#include "train/model_setup.h"

namespace strata::cli {
namespace {

using nlohmann::ordered_json;

struct CtrArguments {
  std::vector<std::string> models = {"dlrm", "wide_deep", "deepfm", "dcnv2", "logistic_regression"};
  std::vector<std::string> data;
  std::vector<std::string> eval;
  std::string preset;
  std::string path;
  int seeds = 3;
  int64_t rows = 200'000;
  std::string out = "runs/bench_ctr";
  std::vector<std::string> sets;
  bool models_given = false;
};

/// One line of the table: a model, its runs, and what they are compared with.
struct CtrLine {
  std::string model;
  std::vector<CtrResult> results;
  std::optional<PublishedResult> published;
  std::string why_not;  // there is no difference to a published row
  std::string remark;
};

std::string yaml_list(const std::vector<std::string>& items) {
  std::string out;
  for (const std::string& item : items) {
    out += (out.empty() ? "[" : ", ") + train::write_scalar(item);
  }
  return out + "]";
}

std::vector<CtrResult> run_seeds(const CtrArguments& arguments, const std::string& model,
                                 CtrRun run) {
  std::vector<CtrResult> results;
  const std::vector<std::string> sets = run.sets;
  for (int seed = 1; seed <= arguments.seeds; ++seed) {
    run.sets = sets;
    run.sets.push_back(fmt::format("train.seed={}", seed));
    run.sets.insert(run.sets.end(), arguments.sets.begin(), arguments.sets.end());
    run.folder = fmt::format("{}/{}-{}", arguments.out, model, seed);
    fmt::print(stderr, "{}, seed {}\n", model, seed);
    results.push_back(run_apart(run));
  }
  return results;
}

/// The shipped configs on the user's files, or on generated rows.
std::vector<CtrLine> run_models(const CtrArguments& arguments) {
  std::vector<CtrLine> lines;
  for (const std::string& model : arguments.models) {
    CtrRun run;
    run.config = fmt::format("configs/{}_criteo.yaml", model);
    if (arguments.data.empty()) {
      run.sets = {"data.format=synthetic", fmt::format("data.synthetic.rows={}", arguments.rows)};
    } else {
      run.sets = {"data.train=" + yaml_list(arguments.data)};
    }
    if (!arguments.eval.empty()) {
      run.sets.push_back("data.eval=" + yaml_list(arguments.eval));
      run.sets.emplace_back("data.eval_fraction=0");
    }
    lines.push_back({model, run_seeds(arguments, model, run), std::nullopt, "", ""});
  }
  return lines;
}

int64_t count_rows(const PresetModel& model, const std::vector<std::string>& files) {
  const train::LoadedConfig loaded =
      train::load_config({.file = shipped_path(model.config),
                          .environment = {},
                          .sets = {"data.train=" + yaml_list(files), "data.eval=[]",
                                   "data.eval_fraction=0", "train.early_stopping=null"}});
  return train::make_train_reader(loaded.config, data::make_schema(loaded.config.data))
      ->rows_per_epoch();
}

/// Why results on these files cannot be set beside published ones; empty when they can.
std::string size_difference(const CtrPreset& preset, const std::string& folder) {
  std::string out;
  for (const PresetFiles* files : {&preset.train, &preset.eval, &preset.test}) {
    if (files->names.empty()) continue;
    const int64_t rows = count_rows(preset.models.front(), find_files(folder, *files));
    if (rows == files->rows) continue;
    const bool several = files->names.size() > 1;
    out += fmt::format("{}{}{} {} {} rows, the published {} {}", out.empty() ? "" : "; ",
                       files->names.front(), several ? " … " + files->names.back() : "",
                       several ? "have" : "has", rows, several ? "ones" : "one", files->rows);
  }
  return out;
}

bool wanted(const CtrArguments& arguments, const std::string& model) {
  if (!arguments.models_given) return true;
  return std::find(arguments.models.begin(), arguments.models.end(), model) !=
         arguments.models.end();
}

std::vector<CtrLine> run_preset(const CtrArguments& arguments) {
  const CtrPreset preset = find_preset(arguments.preset);
  const std::string difference = size_difference(preset, arguments.path);
  std::vector<CtrLine> lines;
  for (const PresetModel& model : preset.models) {
    if (!wanted(arguments, model.name)) continue;
    CtrRun run;
    run.config = model.config;
    run.sets = model.sets;
    run.sets.push_back("data.train=" + yaml_list(find_files(arguments.path, preset.train)));
    if (!preset.eval.names.empty()) {
      run.sets.push_back("data.eval=" + yaml_list(find_files(arguments.path, preset.eval)));
      run.sets.emplace_back("data.eval_fraction=0");
    }
    run.test_files = find_files(arguments.path, preset.test);
    CtrLine line{model.name, run_seeds(arguments, model.name, run), std::nullopt, difference,
                 model.remark};
    if (difference.empty()) line.published = model.published;
    lines.push_back(std::move(line));
  }
  if (lines.empty()) throw Error(ErrorCode::kUsage, "{} has none of these models", preset.name);
  return lines;
}

ordered_json metric_json(const CtrLine& line, std::optional<double> CtrResult::*metric) {
  const auto value = mean_of(line.results, metric);
  return value ? ordered_json(value->mean) : ordered_json();
}

double mean_rate(const CtrLine& line) {
  double sum = 0;
  for (const CtrResult& result : line.results) sum += result.samples_per_second;
  return sum / static_cast<double>(line.results.size());
}

int64_t most_memory(const CtrLine& line) {
  int64_t most = 0;
  for (const CtrResult& result : line.results) most = std::max(most, result.memory_bytes);
  return most;
}

ordered_json to_json(const CtrLine& line) {
  const auto auc = mean_of(line.results, &CtrResult::auc);
  ordered_json out = {{"model", line.model},
                      {"seeds", line.results.size()},
                      {"auc", metric_json(line, &CtrResult::auc)},
                      {"auc_deviation", auc ? ordered_json(auc->deviation) : ordered_json()},
                      {"logloss", metric_json(line, &CtrResult::logloss)},
                      {"ne", metric_json(line, &CtrResult::ne)},
                      {"calibration", metric_json(line, &CtrResult::calibration)},
                      {"samples_per_second", mean_rate(line)},
                      {"memory_bytes", most_memory(line)},
                      {"published", nullptr},
                      {"why_not_published", line.why_not},
                      {"remark", line.remark}};
  if (line.published) {
    out["published"] = {{"auc", line.published->auc}, {"source", line.published->source}};
    if (line.published->logloss) out["published"]["logloss"] = *line.published->logloss;
    if (auc) out["auc_difference"] = auc->mean - line.published->auc;
  }
  return out;
}

std::string shown(const std::optional<MeanAndDeviation>& value) {
  if (!value) return fmt::format("{:<16}", "undefined");
  return fmt::format("{:.4f} ±{:.4f}  ", value->mean, value->deviation);
}

std::string to_text(const CtrLine& line) {
  const auto auc = mean_of(line.results, &CtrResult::auc);
  std::string out = fmt::format("{:<20} {}{}{}{}{:>10.0f}  {}\n", line.model, shown(auc),
                                shown(mean_of(line.results, &CtrResult::logloss)),
                                shown(mean_of(line.results, &CtrResult::ne)),
                                shown(mean_of(line.results, &CtrResult::calibration)),
                                mean_rate(line), train::format_bytes(most_memory(line)));
  if (line.published) {
    out +=
        fmt::format("{:<20} {:.4f}           {:<16}({})\n", "  published", line.published->auc,
                    line.published->logloss ? fmt::format("{:.4f}", *line.published->logloss) : "",
                    line.published->source);
    if (auc)
      out += fmt::format("{:<20} {:+.4f}\n", "  difference", auc->mean - line.published->auc);
  } else if (!line.why_not.empty()) {
    out += fmt::format("  no published row beside it: {}\n", line.why_not);
  }
  if (!line.remark.empty()) out += fmt::format("  note: {}\n", line.remark);
  return out;
}

int bench(const CtrArguments& arguments, const Context& context) {
  if (arguments.preset.empty() != arguments.path.empty()) {
    throw Error(ErrorCode::kUsage, "--preset NAME and --path DIR belong together");
  }
  const std::vector<CtrLine> lines =
      arguments.preset.empty() ? run_models(arguments) : run_preset(arguments);
  if (context.json) {
    ordered_json models = ordered_json::array();
    for (const CtrLine& line : lines) models.push_back(to_json(line));
    print_json({{"preset", arguments.preset}, {"models", models}});
    return 0;
  }
  std::string text = fmt::format("{:<20} {:<16}{:<16}{:<16}{:<16}{:>10}  memory\n", "model", "auc",
                                 "logloss", "ne", "calibration", "samples/s");
  for (const CtrLine& line : lines) text += to_text(line);
  print_text(text);
  return 0;
}

void add_options(CLI::App& command, CtrArguments& arguments) {
  command
      .add_option("--models", arguments.models,
                  "dlrm, wide_deep, deepfm, dcnv2, logistic_regression; default: all")
      ->delimiter(',')
      ->check(CLI::IsMember(train::alternative_names<models::ModelVariant>()));
  command.add_option("--data", arguments.data, "Criteo TSV; default: generated rows");
  command.add_option("--eval", arguments.eval, "Evaluation files; default: the last tenth");
  command.add_option("--rows", arguments.rows, "Generated rows")
      ->check(CLI::Range(int64_t{1000}, int64_t{1} << 40))
      ->capture_default_str();
  command.add_option("--preset", arguments.preset, "Public data set, its split and its recipes")
      ->check(CLI::IsMember(preset_names()));
  command.add_option("--path", arguments.path, "Folder with the files of the preset");
  command.add_option("--seeds", arguments.seeds, "Runs per model")
      ->check(CLI::Range(1, 100))
      ->capture_default_str();
  command.add_option("--out", arguments.out, "Folder of the runs; they are replaced")
      ->capture_default_str();
  command.add_option("--set", arguments.sets, "Value over every config")
      ->type_name("KEY=VALUE")
      ->expected(1)
      ->take_all();
}

}  // namespace

void add_bench(CLI::App& app, Action& chosen) {
  CLI::App* bench_group = app.add_subcommand("bench", "Compare models");
  bench_group->require_subcommand(1);
  CLI::App* command = bench_group->add_subcommand(
      "ctr", "Train the click models over seeds and print a table of results");
  const auto arguments = std::make_shared<CtrArguments>();
  add_options(*command, *arguments);
  command->callback([arguments, command, &chosen] {
    arguments->models_given = command->count("--models") > 0;
    chosen = [arguments](const Context& context) { return bench(*arguments, context); };
  });
}

}  // namespace strata::cli
