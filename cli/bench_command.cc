// strata bench ctr: models side by side, over seeds, on the user's data or a public data set.
#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <memory>

#include "base/error.h"
#include "base/output_file.h"
#include "base/shipped.h"
#include "cli/command.h"
#include "cli/ctr_presets.h"
#include "cli/ctr_runs.h"
#include "cli/ctr_table.h"
#include "cli/usage.h"
#include "data/block_index.h"
#include "data/read_header.h"
#include "data/split.h"
#include "models/model_list.h"
#include "train/config.h"

namespace strata::cli {
namespace {

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
  bool json = false;      // --json
  std::string json_file;  // --json FILE
};

std::string yaml_list(const std::vector<std::string>& items) {
  std::string out = "[";
  for (const std::string& item : items) {
    out += (out.size() == 1 ? "" : ", ") + train::write_scalar(item);
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
CtrTable run_models(const CtrArguments& arguments) {
  CtrTable table;
  table.data = arguments.data.empty()
                   ? fmt::format("{} generated rows, evaluated on the last tenth", arguments.rows)
                   : "trained on " + yaml_list(arguments.data);
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
    table.lines.push_back({model, run_seeds(arguments, model, run), std::nullopt, "", ""});
  }
  return table;
}

/// The files of a preset, as they are in the user's folder.
struct PresetData {
  std::vector<std::string> train;
  std::vector<std::string> eval;
  std::vector<std::string> test;
  bool csv = false;
  std::string label_field{};  // of csv
  int64_t train_rows = 0;
  std::string difference{};  // from the published rows; empty: none
};

int64_t count_rows(const std::vector<std::string>& files, bool header) {
  return data::index_files(files, {.header = header}).rows;
}

/// BARS names the label `label` in one set and `Label` in the other.
std::string find_label(const std::string& file, const data::CsvConfig& csv) {
  for (const std::string& field : data::read_header(file, csv)) {
    std::string lower = field;
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (lower == "label") return field;
  }
  throw Error(ErrorCode::kData, "{}:1: the header has no field named label", file);
}

void note_difference(const PresetFiles& published, int64_t rows, std::string& out) {
  if (rows == published.rows) return;
  const bool several = published.names.size() > 1;
  out += fmt::format("{}{}{} {} {} rows, the published {} {}", out.empty() ? "" : "; ",
                     published.names.front(), several ? " … " + published.names.back() : "",
                     several ? "have" : "has", rows, several ? "ones" : "one", published.rows);
}

PresetData find_data(const CtrPreset& preset, const std::string& folder) {
  PresetData data{.train = find_files(folder, preset.train),
                  .eval = find_files(folder, preset.eval),
                  .test = find_files(folder, preset.test)};
  const train::LoadedConfig loaded = train::load_config(
      {.file = shipped_path(preset.models.front().config), .environment = {}, .sets = {}});
  data.csv = loaded.config.data.format == data::Format::kCsv;
  if (data.csv) data.label_field = find_label(data.train.front(), loaded.config.data.csv);
  data.train_rows = count_rows(data.train, data.csv);
  note_difference(preset.train, data.train_rows, data.difference);
  for (const auto& [published, files] :
       {std::pair(&preset.eval, &data.eval), std::pair(&preset.test, &data.test)}) {
    if (files->empty()) continue;
    note_difference(*published, count_rows(*files, data.csv), data.difference);
  }
  return data;
}

/// Writes both halves of the evaluation file beside the runs and makes the first the evaluation
/// data.
void take_first_half(const std::string& folder, PresetData& data) {
  std::filesystem::create_directories(folder);
  const std::string first = folder + "/eval_first_half.tsv.zst";
  const std::string second = folder + "/eval_second_half.tsv.zst";
  for (const std::string& file : {first, second}) std::filesystem::remove(file);
  const int64_t rows = count_rows(data.eval, false);
  data::split_files({.inputs = data.eval,
                     .split = data::Split::kTime,
                     .eval_fraction = static_cast<double>(rows / 2) / static_cast<double>(rows),
                     .train_out = first,
                     .eval_out = second});
  data.eval = {first};
}

CtrRun make_run(const CtrPreset& preset, const PresetModel& model, const PresetData& data) {
  CtrRun run;
  run.config = model.config;
  run.sets = model.sets;
  run.sets.push_back("data.train=" + yaml_list(data.train));
  run.sets.push_back("data.eval=" + yaml_list(data.eval));
  const int64_t last = preset.last_of_parts > 0 ? data.train_rows / preset.last_of_parts : 0;
  run.sets.push_back(fmt::format("data.eval_fraction={:.17g}",
                                 static_cast<double>(last) / static_cast<double>(data.train_rows)));
  run.label_field = data.label_field;
  run.test_files = data.test;
  return run;
}

CtrTable run_preset(const CtrArguments& arguments) {
  const CtrPreset preset = find_preset(arguments.preset);
  std::vector<PresetModel> models;
  std::vector<std::string> names;
  for (const PresetModel& model : preset.models) {
    names.push_back(model.name);
    const bool wanted = std::find(arguments.models.begin(), arguments.models.end(), model.name) !=
                        arguments.models.end();
    if (wanted) models.push_back(model);
  }
  if (models.empty()) {
    throw Error(ErrorCode::kUsage, "{} has recipes for: {}", preset.name, join_names(names));
  }
  PresetData data = find_data(preset, arguments.path);
  if (preset.eval_first_half) take_first_half(arguments.out, data);
  CtrTable table{.preset = preset.name,
                 .data = fmt::format("{}: {} training rows, {}", preset.name, data.train_rows,
                                     data.difference.empty() ? "all row counts as published"
                                                             : "not the published data"),
                 .notes = {},
                 .lines = {}};
  if (!preset.remark.empty()) table.notes.push_back(preset.remark);
  for (const PresetModel& model : models) {
    CtrLine line{.model = model.name,
                 .results = run_seeds(arguments, model.name, make_run(preset, model, data)),
                 .published = std::nullopt,
                 .why_not = data.difference,
                 .remark = model.published ? model.remark : ""};
    if (!model.published && line.why_not.empty()) line.why_not = model.remark;
    if (data.difference.empty()) line.published = model.published;
    table.lines.push_back(std::move(line));
  }
  return table;
}

void check_arguments(const CtrArguments& arguments) {
  if (arguments.preset.empty() != arguments.path.empty()) {
    throw Error(ErrorCode::kUsage, "--preset NAME and --path DIR belong together");
  }
  if (!arguments.preset.empty() && !(arguments.data.empty() && arguments.eval.empty())) {
    throw Error(ErrorCode::kUsage, "--preset brings its own data: leave out --data and --eval");
  }
  if (arguments.data.empty() && !arguments.eval.empty()) {
    throw Error(ErrorCode::kUsage, "--eval belongs to --data");
  }
}

void write_json(const std::string& path, const nlohmann::ordered_json& result) {
  OutputFile file(path);
  file.write(result.dump(2) + "\n");
  file.finish();
}

int bench(const CtrArguments& arguments, const Context& context) {
  check_arguments(arguments);
  const CtrTable table = arguments.preset.empty() ? run_models(arguments) : run_preset(arguments);
  if (!arguments.json_file.empty()) write_json(arguments.json_file, to_json(table));
  if (context.json) {
    print_json(to_json(table));
  } else {
    print_text(to_text(table));
  }
  return 0;
}

void add_options(CLI::App& command, CtrArguments& arguments) {
  command.add_option("--models", arguments.models, "Models, separated by commas; default: all")
      ->delimiter(',')
      ->check(CLI::IsMember(train::alternative_names<models::ModelVariant>()));
  command.add_option("--data", arguments.data, "Criteo TSV; default: generated rows");
  command.add_option("--eval", arguments.eval, "Evaluation files; default: the last tenth");
  command.add_option("--rows", arguments.rows, "Generated rows")
      ->check(CLI::Range(int64_t{1000}, int64_t{1} << 40))
      ->capture_default_str();
  command.add_option("--preset", arguments.preset, "Public data set, its split and its recipes")
      ->check(CLI::IsMember(preset_names()));
  command.add_option("--path", arguments.path,
                     "Folder with the files of the preset (docs/criteo.md)");
  command.add_option("--seeds", arguments.seeds, "Runs per model")
      ->check(CLI::Range(1, 100))
      ->capture_default_str();
  command.add_option("--out", arguments.out, "Folder of the runs; they are replaced")
      ->capture_default_str();
  command
      .add_option("--json", arguments.json_file,
                  "Print the result as one JSON object, the last line; with FILE: print the table "
                  "and write the object to FILE")
      ->type_name("[FILE]")
      ->expected(0, 1);
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
    arguments->json = command->count("--json") > 0 && arguments->json_file.empty();
    chosen = [arguments](Context context) {
      context.json = context.json || arguments->json;
      return guarded(context, [&] { return bench(*arguments, context); });
    };
  });
}

}  // namespace strata::cli
