// The `strata` command: parses, runs the chosen command, and turns errors into exit codes.
#include <fmt/format.h>

#include <cstdio>
#include <exception>

#include "base/check.h"
#include "base/error.h"
#include "cli/command.h"
#include "cli/version.h"

namespace strata::cli {
namespace {

std::string quote_command_line(int argc, char** argv) {
  std::string out;
  for (int i = 0; i < argc; ++i) out += (i == 0 ? "" : " ") + std::string(argv[i]);
  return out;
}

int parse_and_run(int argc, char** argv) {
  CLI::App app("Trains recommender models whose embedding tables fit nowhere", "strata");
  app.require_subcommand(1);
  app.fallthrough();
  app.set_version_flag("--version", version_text);
  Context context{.json = false, .command_line = quote_command_line(argc, argv)};
  app.add_flag("--json", context.json, "Print the result as one JSON object, the last line");
  app.footer(
      "Exit codes: 0 ok, 2 usage, 65 bad data, 66 input missing, 70 internal, 71 memory, "
      "74 I/O,\n75 stopped, 76 corrupt, 78 config, 79 diverged.");
  Action chosen;
  for (const AddCommand add : kCommands) add(app, chosen);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e) == 0 ? 0 : static_cast<int>(ErrorCode::kUsage);
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
