#include "cli/usage.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/config_fault.h"

namespace strata::cli {
namespace {

std::vector<std::string> command_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands({})) names.push_back(command->get_name());
  return names;
}

const CLI::App* find_command(const CLI::App& app, const std::string& name) {
  for (const CLI::App* command : app.get_subcommands({})) {
    if (command->get_name() == name) return command;
  }
  return nullptr;
}

/// Long options of a command and of those above it, with their dashes.
std::vector<std::string> option_names(const CLI::App& app) {
  std::vector<std::string> names;
  for (const CLI::App* at = &app; at != nullptr; at = at->get_parent()) {
    for (const CLI::Option* option : at->get_options()) {
      for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    }
  }
  return names;
}

/// "strata data check"
std::string full_name(const CLI::App& app) {
  const std::string above = app.get_parent() == nullptr ? "" : full_name(*app.get_parent()) + " ";
  return above + app.get_name();
}

std::string unknown(const char* what, const std::string& word,
                    const std::vector<std::string>& candidates) {
  return fmt::format("unknown {} '{}'; {}", what, word,
                     suggest_name(word, candidates, "there are"));
}

}  // namespace

std::string join_names(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

std::string explain_usage(const CLI::App& app, const std::vector<std::string>& words,
                          const std::string& parser_message) {
  const CLI::App* at = &app;
  std::string message;
  for (const std::string& word : words) {
    if (word == "--" || !message.empty()) break;
    if (word.starts_with("--")) {
      const std::string name = word.substr(0, word.find('='));
      const std::vector<std::string> options = option_names(*at);
      const bool known = std::find(options.begin(), options.end(), name) != options.end();
      if (!known) message = unknown("option", name, options);
    } else if (!command_names(*at).empty()) {
      const CLI::App* below = find_command(*at, word);
      if (below == nullptr) message = unknown("command", word, command_names(*at));
      if (below != nullptr) at = below;
    }
  }
  if (message.empty() && !command_names(*at).empty()) {
    message = fmt::format("a command is missing; there are: {}", join_names(command_names(*at)));
  }
  if (message.empty()) message = parser_message;
  return fmt::format("{0}: error: {1}\n`{0} --help` tells more", full_name(*at), message);
}

std::string exit_code_text() {
  return "Exit codes: 0 ok · 1 different (diff) · 2 usage · 65 bad data · 66 input missing ·\n"
         "70 internal · 71 does not fit in memory · 74 I/O, permission or disk full ·\n"
         "75 stopped on request, resumable · 76 corrupt checkpoint or export · 78 config ·\n"
         "79 diverged · 130/143 second signal.";
}

}  // namespace strata::cli
