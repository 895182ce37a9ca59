// strata plan FILE: what a run will need, before anything of it is made.
#include <fmt/format.h>

#include <fstream>
#include <memory>
#include <sstream>

#include "base/error.h"
#include "cli/command.h"
#include "cli/config_arguments.h"
#include "data/schema.h"
#include "train/memory_limit.h"
#include "train/model_setup.h"
#include "train/plan_basis.h"
#include "train/plan_report.h"

namespace strata::cli {
namespace {

struct PlanArguments {
  ConfigArguments config;
  train::BasisRequest basis;
  std::string histogram;
  std::string save_histogram;
};

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw Error(ErrorCode::kMissing, "{}: there is no such file", path);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

void save(const train::DataHistogram& histogram, const std::string& path) {
  std::ofstream out(path, std::ios::binary);
  out << train::to_json(histogram).dump() << "\n";
  if (!out.flush()) throw Error(ErrorCode::kIo, "{}: it cannot be written", path);
}

/// 0, or 71 for a run that cannot fit.
int plan(const PlanArguments& arguments, const Context& context) {
  const train::LoadedConfig loaded = arguments.config.load();
  const train::Config& config = loaded.config;
  return loaded.located([&] {
    train::BasisRequest request = arguments.basis;
    if (!arguments.histogram.empty()) {
      request.histogram = with_context(arguments.histogram, [&] {
        return train::histogram_from_json(read_file(arguments.histogram));
      });
    }
    const data::Schema schema = train::plan_schema(config.data);
    const train::PlanBasis basis = train::plan_basis(config, schema, request);
    if (!arguments.save_histogram.empty() && basis.histogram) {
      save(*basis.histogram, arguments.save_histogram);
    }
    const train::Plan result = train::make_plan(config, schema, basis);
    const std::vector<std::string> refused = train::refusals(config, schema, basis, result);
    if (context.json) {
      nlohmann::ordered_json object = train::to_json(result);
      object["fits"] = refused.empty();
      object["refusals"] = refused;
      print_json(object);
    } else {
      std::string text = train::format_plan(result);
      for (const std::string& refusal : refused) text += "\ndoes not fit: " + refusal + "\n";
      print_text(text);
    }
    return refused.empty() ? 0 : static_cast<int>(ErrorCode::kResource);
  });
}

}  // namespace

void add_plan(CLI::App& app, Action& chosen) {
  CLI::App* command = app.add_subcommand(
      "plan", "Tell what a run of FILE will need; exit 71 for one that cannot fit");
  const auto arguments = std::make_shared<PlanArguments>();
  arguments->config.add_to(*command, true);
  command
      ->add_option("--rows", arguments->basis.count_rows,
                   "Training rows whose keys are counted; 0: all of them")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  command->add_flag("--declared", arguments->basis.declared,
                    "Count nothing: take the skew that is known without data (Criteo's columns)");
  command
      ->add_option("--data-rows", arguments->basis.data_rows,
                   "Rows of the training data, where it is not here")
      ->check(CLI::PositiveNumber);
  command->add_option("--histogram", arguments->histogram,
                      "Take the keys' frequencies from this file instead of the data");
  command->add_option("--save-histogram", arguments->save_histogram,
                      "Write the keys' frequencies to this file");
  command->callback([arguments, &chosen] {
    chosen = [arguments](const Context& context) { return plan(*arguments, context); };
  });
}

}  // namespace strata::cli
