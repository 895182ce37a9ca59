// strata config check|show|schema|reference: configs as they are understood.
#include <fmt/format.h>

#include <memory>

#include "cli/command.h"
#include "cli/config_arguments.h"
#include "data/schema.h"
#include "train/config.h"

namespace strata::cli {
namespace {

using nlohmann::ordered_json;

std::string shown(const train::ConfigLeaf& leaf) { return leaf.secret ? "\"***\"" : leaf.text; }

/// Holds the columns to the header of the first training file. False if there is none to read.
bool check_header(const train::LoadedConfig& loaded) {
  const data::DataConfig& data = loaded.config.data;
  if (data.format != data::Format::kCsv || !data.csv.header || !data.csv.fields.empty())
    return true;
  if (data.train.empty()) return false;
  try {
    loaded.located([&] { data::make_schema(data); });
  } catch (const Error& e) {
    if (e.code() == ErrorCode::kMissing) return false;
    throw;
  }
  return true;
}

int check(const ConfigArguments& arguments, const Context& context) {
  const train::LoadedConfig loaded = arguments.load();
  const size_t keys = train::leaves_of(loaded.config).size();
  const bool header_read = check_header(loaded);
  if (context.json) {
    print_json(
        {{"file", arguments.file}, {"ok", true}, {"keys", keys}, {"header_read", header_read}});
  } else {
    print_text(fmt::format("{}: ok{}\n", arguments.file.empty() ? "defaults" : arguments.file,
                           header_read ? ""
                                       : " (the columns were not held to the header of data.train: "
                                         "that file is not there)"));
  }
  return 0;
}

/// Every value and where it came from.
int show(const ConfigArguments& arguments, const Context& context) {
  const train::LoadedConfig loaded = arguments.load();
  ordered_json values = ordered_json::object();
  std::string text;
  for (const train::ConfigLeaf& leaf : train::leaves_of(loaded.config)) {
    const std::string origin = loaded.origin(leaf.path);
    const std::string key = leaf.key();
    values[key] = {{"value", shown(leaf)}, {"origin", origin}};
    text += fmt::format("{:<60}  # {}\n", key + ": " + shown(leaf), origin);
  }
  if (context.json) {
    print_json({{"file", arguments.file}, {"values", values}});
  } else {
    print_text(text);
  }
  return 0;
}

int schema(const Context& context) {
  const ordered_json result = train::schema_json(train::schema_of(train::Config{}));
  if (context.json) {
    print_json(result);
  } else {
    print_text(result.dump(2) + "\n");
  }
  return 0;
}

int reference(const Context& context) {
  const std::string text = train::reference_config();
  if (context.json) {
    print_json({{"yaml", text}});
  } else {
    print_text(text);
  }
  return 0;
}

}  // namespace

void add_config(CLI::App& app, Action& chosen) {
  CLI::App* config = app.add_subcommand("config", "Check, show and document configs");
  config->require_subcommand(1);
  const auto arguments = std::make_shared<ConfigArguments>();

  CLI::App* check_command = config->add_subcommand("check", "Report everything wrong with FILE");
  arguments->add_to(*check_command, true);
  check_command->callback([arguments, &chosen] {
    chosen = [arguments](const Context& context) { return check(*arguments, context); };
  });

  CLI::App* show_command =
      config->add_subcommand("show", "Print every value and where it came from");
  arguments->add_to(*show_command, false);
  show_command->callback([arguments, &chosen] {
    chosen = [arguments](const Context& context) { return show(*arguments, context); };
  });

  config->add_subcommand("schema", "Print every key with type, default and documentation (JSON)")
      ->callback([&chosen] { chosen = schema; });
  config->add_subcommand("reference", "Print configs/reference.yaml")->callback([&chosen] {
    chosen = reference;
  });
}

}  // namespace strata::cli
