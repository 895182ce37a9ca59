// strata init: a config to start from.
#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <memory>

#include "base/error.h"
#include "base/shipped.h"
#include "cli/command.h"
#include "models/model_list.h"
#include "train/config_values.h"

namespace strata::cli {
namespace {

struct InitArguments {
  std::string file = "strata.yaml";
  std::string model = "dlrm";
};

std::string read_text(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  if (!in) throw Error(ErrorCode::kMissing, "{}: the shipped configs are not there", path);
  return text;
}

int init(const InitArguments& arguments, const Context& context) {
  if (std::filesystem::exists(arguments.file)) {
    throw Error(ErrorCode::kUsage, "{} exists already; name another file", arguments.file);
  }
  const std::string source = shipped_path(fmt::format("configs/{}_criteo.yaml", arguments.model));
  std::ofstream out(arguments.file, std::ios::binary);
  out << read_text(source);
  out.flush();
  if (!out) throw Error(ErrorCode::kIo, "cannot write {}", arguments.file);
  if (context.json) {
    print_json({{"file", arguments.file}, {"model", arguments.model}});
  } else {
    print_text(
        fmt::format("wrote {0}: {1} on Criteo TSV\nnext:\n"
                    "  strata config show {0}\n"
                    "  strata train {0} --set data.format=synthetic   (generated rows, no file)\n"
                    "  strata train {0} --set data.train=train.txt\n",
                    arguments.file, arguments.model));
  }
  return 0;
}

}  // namespace

void add_init(CLI::App& app, Action& chosen) {
  CLI::App* command = app.add_subcommand("init", "Write a config to start from");
  const auto arguments = std::make_shared<InitArguments>();
  command->add_option("FILE", arguments->file, "File to write")->capture_default_str();
  command->add_option("--model", arguments->model, "Model")
      ->check(CLI::IsMember(train::alternative_names<models::ModelVariant>()))
      ->capture_default_str();
  command->callback([arguments, &chosen] {
    chosen = [arguments](const Context& context) { return init(*arguments, context); };
  });
}

}  // namespace strata::cli
