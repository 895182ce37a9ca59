#pragma once
// Command lines that make no sense: what is wrong with them, in words.

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace strata::cli {

/// The message for a command line that `app` could not parse: the word that was not understood and
/// what it was probably meant to be, else what the parser says; and the help that fits. `words` are
/// the arguments without the program's name.
std::string explain_usage(const CLI::App& app, const std::vector<std::string>& words,
                          const std::string& parser_message);

/// "a, b, c"
std::string join_names(const std::vector<std::string>& names);

/// The documented exit codes as the footer of every help text. README, "Exit codes", is the same.
std::string exit_code_text();

}  // namespace strata::cli
