#include "cli/config_arguments.h"

#include "base/shipped.h"

namespace strata::cli {

void ConfigArguments::add_to(CLI::App& command, bool file_required) {
  CLI::Option* option = command.add_option("FILE", file, "Config file (YAML)");
  if (file_required) option->required();
  command.add_option("--set", sets, "Value over file and environment: --set train.batch_size=512")
      ->type_name("KEY=VALUE")
      ->expected(1)
      ->take_all();
}

train::LoadedConfig ConfigArguments::load() const {
  return train::load_config({.file = file.empty() ? "" : shipped_path(file),
                             .environment = train::config_environment(),
                             .sets = sets});
}

}  // namespace strata::cli
