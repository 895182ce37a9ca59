// strata data gen: files that look like Criteo, with a known best result.
#include <fmt/format.h>

#include <memory>
#include <optional>

#include "base/error.h"
#include "cli/command.h"
#include "cli/model_source.h"
#include "data/criteo_statistics.h"
#include "data/generator.h"
#include "data/generator_writer.h"
#include "data/text_writer.h"
#include "train/config.h"
#include "train/synthetic_report.h"

namespace strata::cli {
namespace {

using nlohmann::ordered_json;

struct GenArguments {
  std::string out;
  std::optional<int64_t> rows;
  std::optional<uint64_t> seed;
  std::vector<std::string> sets;
  double eval_fraction = 0.1;
  bool report = true;
  int threads = 0;
};

/// --rows and --seed are short for --set data.synthetic.…
data::CriteoGenerator make_generator(const GenArguments& arguments) {
  std::vector<std::string> sets = arguments.sets;
  if (arguments.rows) sets.push_back(fmt::format("data.synthetic.rows={}", *arguments.rows));
  if (arguments.seed) sets.push_back(fmt::format("data.synthetic.seed={}", *arguments.seed));
  const train::LoadedConfig loaded =
      train::load_config({.file = "", .environment = train::config_environment(), .sets = sets});
  return loaded.located([&] {
    return data::CriteoGenerator(loaded.config.data.synthetic, data::criteo_statistics());
  });
}

int64_t write_rows(const data::CriteoGenerator& generator, const std::string& path,
                   ThreadPool& pool) {
  const auto out = data::create_text(path);
  int64_t bytes = 0;
  data::generate_tsv(generator, 0, generator.config().rows, pool, [&](std::string_view text) {
    out->write(text);
    bytes += static_cast<int64_t>(text.size());
  });
  out->finish();
  return bytes;
}

ordered_json reach_json(const kernels::EvalMetrics& metrics) {
  const auto number = [](const std::optional<double>& value) {
    return value ? ordered_json(*value) : ordered_json();
  };
  return {{"auc", number(metrics.auc)}, {"logloss", number(metrics.logloss)}};
}

std::string metrics_text(const char* name, const kernels::EvalMetrics& metrics) {
  return fmt::format("  {:<22} auc {:.4f}  logloss {:.4f}\n", name, metrics.auc.value_or(0),
                     metrics.logloss.value_or(0));
}

std::string report_text(const train::SyntheticReport& report) {
  return fmt::format("on the last {} rows:\n", report.eval_rows) +
         metrics_text("best reachable", report.best) +
         metrics_text("learnable optimum", report.learnable);
}

int generate(const GenArguments& arguments, const Context& context) {
  const data::CriteoGenerator generator = make_generator(arguments);
  ThreadPool pool(compute_threads(arguments.threads));
  const int64_t bytes = write_rows(generator, arguments.out, pool);
  ordered_json result = {
      {"file", arguments.out}, {"rows", generator.config().rows}, {"bytes", bytes}};
  std::string text = fmt::format("{}: {} rows, {} bytes, Criteo TSV\n", arguments.out,
                                 generator.config().rows, bytes);
  if (arguments.report) {
    const train::SyntheticReport report =
        train::synthetic_report(generator, generator.config().rows, arguments.eval_fraction, pool);
    result["positive_rate"] = report.positive_rate;
    result["eval_rows"] = report.eval_rows;
    result["best"] = reach_json(report.best);
    result["learnable"] = reach_json(report.learnable);
    text += report_text(report);
  }
  if (context.json) {
    print_json(result);
  } else {
    print_text(text);
  }
  return 0;
}

}  // namespace

void add_data_gen(CLI::App& data, Action& chosen) {
  CLI::App* command = data.add_subcommand(
      "gen", "Write a Criteo-format file with labels from a known hidden model");
  const auto arguments = std::make_shared<GenArguments>();
  command->add_option("OUT", arguments->out, "File to write; .gz and .zst are compressed")
      ->required();
  command->add_option("--rows", arguments->rows, "Rows (data.synthetic.rows)")
      ->check(CLI::Range(int64_t{1}, int64_t{1} << 40));
  command->add_option("--seed", arguments->seed, "Seed (data.synthetic.seed)");
  command
      ->add_option("--set", arguments->sets, "Value over the defaults: --set data.synthetic.days=7")
      ->type_name("KEY=VALUE")
      ->expected(1)
      ->take_all();
  command
      ->add_option("--eval-fraction", arguments->eval_fraction,
                   "Last rows on which the reachable result is computed")
      ->check(CLI::Range(0.0001, 0.99))
      ->capture_default_str();
  command->add_flag("--report,!--no-report", arguments->report,
                    "Compute the best reachable AUC and logloss");
  command->add_option("--threads", arguments->threads, "Threads; 0: all of the machine")
      ->check(CLI::Range(0, 1024));
  command->callback([arguments, &chosen] {
    chosen = [arguments](const Context& context) { return generate(*arguments, context); };
  });
}

}  // namespace strata::cli
