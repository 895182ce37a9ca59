// The `strata` command: parses, runs the chosen command, and turns errors into exit codes.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <exception>

#include "base/check.h"
#include "base/error.h"
#include "cli/command.h"
#include "cli/usage.h"
#include "cli/version.h"

namespace strata::cli {
namespace {

std::string quote_command_line(int argc, char** argv) {
  std::string out;
  for (int i = 0; i < argc; ++i) out += (i == 0 ? "" : " ") + std::string(argv[i]);
  return out;
}

int parse_and_run(int argc, char** argv) {
  CLI::App app("Trains recommender models from a YAML file", "strata");
  app.require_subcommand(1);
  app.fallthrough();
  app.set_version_flag("--version", version_text);
  Context context{.json = false, .command_line = quote_command_line(argc, argv)};
  app.add_flag("--json", context.json, "Print the result as one JSON object, the last line");
  app.footer(exit_code_text());
  Action chosen;
  for (const AddCommand add : kCommands) add(app, chosen);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() == 0) return app.exit(e);  // --help, --version
    const std::vector<std::string> words(argv + 1, argv + argc);
    context.json = std::find(words.begin(), words.end(), "--json") != words.end();
    return report_error(context, static_cast<int>(ErrorCode::kUsage),
                        explain_usage(app, words, e.what()));
  }
  STRATA_CHECK(chosen != nullptr, "a command without an action");
  return guarded(context, [&] { return chosen(context); });
}

}  // namespace
}  // namespace strata::cli

int main(int argc, char** argv) {
  try {
    return strata::cli::parse_and_run(argc, argv);
  } catch (const std::exception& e) {  // standard output is gone
    std::fprintf(stderr, "strata: error: %s\n", e.what());
    return static_cast<int>(strata::ErrorCode::kIo);
  }
}
