#pragma once
// FILE and --set: how commands are given a config.

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

#include "train/config.h"

namespace strata::cli {

/// The arguments `FILE --set key=value …` of a command; load() reads what they name.
struct ConfigArguments {
  std::string file;
  std::vector<std::string> sets;

  /// Adds the options to `command`; *this must live until the command has run.
  void add_to(CLI::App& command, bool file_required);

  /// File, environment and --set, checked. A file that is not there is looked for among the shipped
  /// ones. Throws as train::load_config.
  train::LoadedConfig load() const;
};

}  // namespace strata::cli
