// strata data check|split|gen: files of samples.
#include <fmt/format.h>

#include <cmath>
#include <memory>

#include "base/error.h"
#include "base/shipped.h"
#include "cli/command.h"
#include "data/check.h"
#include "data/split.h"
#include "train/config.h"

namespace strata::cli {
namespace {

struct CheckArguments {
  std::vector<std::string> files;
  std::string config;
  std::vector<std::string> sets;
};

std::string field_line(const data::FieldReport& field) {
  std::string line =
      fmt::format("  {:<20} {:<9} {:>12} missing  {:>12.0f}{} distinct", field.name, field.kind,
                  field.missing, field.distinct, field.distinct_exact ? " " : "~");
  if (field.kind == "number" && std::isfinite(field.low)) {
    line += fmt::format("  {:g} to {:g}, mean {:g}", field.low, field.high, field.mean);
  }
  if (field.kind == "list") line += fmt::format("  {:.2f} ids a row", field.mean);
  return line + "\n";
}

std::string to_text(const data::DataReport& report) {
  std::string out = fmt::format("{} lines: {} good, {} bad, {} blank\n", report.lines, report.good,
                                report.bad, report.blank);
  if (report.labelled > 0) {
    out +=
        fmt::format("{} labelled, positive rate {:.4f}\n", report.labelled, report.positive_rate());
  }
  for (const data::BadRow& row : report.first_bad) {
    out += fmt::format("{}:{}: {}\n", row.file, row.line, row.reason);
  }
  const int64_t unlisted = report.bad - std::ssize(report.first_bad);
  if (unlisted > 0) out += fmt::format("… and {} bad rows more\n", unlisted);
  for (const data::FieldReport& field : report.fields) out += field_line(field);
  return out;
}

std::string refusal(const data::DataReport& report, double most) {
  if (report.good == 0) {
    return "training would refuse this data: it has no good row (is its format that of "
           "--config?)\n";
  }
  return fmt::format(
      "training would refuse this data: its share of bad rows is above data.max_bad_ratio, {}\n",
      most);
}

/// 0, or 65 for data that training would refuse.
int check(const CheckArguments& arguments, const Context& context) {
  const std::string config = arguments.config.empty() ? "" : shipped_path(arguments.config);
  const train::LoadedConfig loaded = train::load_config(
      {.file = config, .environment = train::config_environment(), .sets = arguments.sets});
  const data::DataReport report =
      loaded.located([&] { return data::check_data(loaded.config.data, arguments.files); });
  const double most = loaded.config.data.max_bad_ratio;
  const bool trains = static_cast<double>(report.bad) <= most * static_cast<double>(report.lines) &&
                      report.good > 0;
  if (context.json) {
    nlohmann::ordered_json result = data::to_json(report);
    result["trains"] = trains;
    print_json(result);
  } else {
    print_text(to_text(report) + (trains ? "" : refusal(report, most)));
  }
  return trains ? 0 : static_cast<int>(ErrorCode::kData);
}

int split(const data::SplitRequest& request, const Context& context) {
  const data::SplitResult result = data::split_files(request);
  if (context.json) {
    print_json({{"train", request.train_out},
                {"train_rows", result.train_rows},
                {"eval", request.eval_out},
                {"eval_rows", result.eval_rows}});
  } else {
    print_text(fmt::format("{}: {} rows\n{}: {} rows\n", request.train_out, result.train_rows,
                           request.eval_out, result.eval_rows));
  }
  return 0;
}

void add_data_check(CLI::App& data, Action& chosen) {
  CLI::App* command = data.add_subcommand(
      "check",
      "Tell rows, bad rows with file and line, distinct values, positive rate; exit 65 for "
      "data that training would refuse");
  const auto arguments = std::make_shared<CheckArguments>();
  command->add_option("FILE", arguments->files, "Files and globs; plain, .gz or .zst")->required();
  command->add_option("--config", arguments->config,
                      "Config with format and columns; default: Criteo TSV");
  command->add_option("--set", arguments->sets, "Value over the config: --set data.format=csv")
      ->type_name("KEY=VALUE")
      ->expected(1)
      ->take_all();
  command->callback([arguments, &chosen] {
    chosen = [arguments](const Context& context) { return check(*arguments, context); };
  });
}

void add_data_split(CLI::App& data, Action& chosen) {
  CLI::App* command =
      data.add_subcommand("split", "Write training and evaluation rows to files of their own");
  const auto request = std::make_shared<data::SplitRequest>();
  command->add_option("FILE", request->inputs, "Files and globs; plain, .gz or .zst")->required();
  command
      ->add_option("--train-out", request->train_out,
                   "File of the training rows; .gz and .zst are compressed")
      ->required();
  command->add_option("--eval-out", request->eval_out, "File of the evaluation rows, likewise")
      ->required();
  command
      ->add_option("--eval-fraction", request->eval_fraction,
                   "Share of the evaluation rows, between 0 and 1")
      ->capture_default_str();
  command
      ->add_option_function<std::string>(
          "--by",
          [request](const std::string& name) {
            request->split = name == "random" ? data::Split::kRandom : data::Split::kTime;
          },
          "time (default): the last rows; random: drawn by row number")
      ->check(CLI::IsMember({"time", "random"}));
  command->add_flag("--header", request->header, "The first line of each file is a header");
  command
      ->add_option("--max-expansion", request->max_expansion,
                   "A compressed file whose text grows beyond this many times its size is refused "
                   "(data.max_expansion)")
      ->check(CLI::Range(1.0, 1e6))
      ->capture_default_str();
  command->callback([request, &chosen] {
    chosen = [request](const Context& context) { return split(*request, context); };
  });
}

}  // namespace

void add_data(CLI::App& app, Action& chosen) {
  CLI::App* data = app.add_subcommand("data", "Check, split and make data");
  data->require_subcommand(1);
  add_data_check(*data, chosen);
  add_data_split(*data, chosen);
  add_data_gen(*data, chosen);
}

}  // namespace strata::cli
