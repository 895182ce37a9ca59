#pragma once
// What every command of `strata` is made of. A command is one file: it adds its options to the
// parser and, when it was chosen, an action.

#include <CLI/CLI.hpp>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>

namespace strata::cli {

/// What a command is run with.
struct Context {
  bool json = false;         // --json: print() is to be used instead of text
  std::string command_line;  // as typed, for the records of a run
};

/// Runs the chosen command; returns the exit code. Errors are thrown.
using Action = std::function<int(const Context&)>;

/// Adds a command to `app`; parsing sets `chosen`.
using AddCommand = void (*)(CLI::App& app, Action& chosen);

// One line per command, in the files <name>_command.cc.
void add_bench(CLI::App& app, Action& chosen);
void add_completion(CLI::App& app, Action& chosen);
void add_config(CLI::App& app, Action& chosen);
void add_data(CLI::App& app, Action& chosen);
void add_data_gen(CLI::App& data, Action& chosen);  // below `strata data`
void add_diff(CLI::App& app, Action& chosen);
void add_doctor(CLI::App& app, Action& chosen);
void add_eval(CLI::App& app, Action& chosen);
void add_export(CLI::App& app, Action& chosen);
void add_init(CLI::App& app, Action& chosen);
void add_inspect(CLI::App& app, Action& chosen);
void add_plan(CLI::App& app, Action& chosen);
void add_predict(CLI::App& app, Action& chosen);
void add_train(CLI::App& app, Action& chosen);
void add_verify(CLI::App& app, Action& chosen);

inline constexpr AddCommand kCommands[] = {
    add_init,   add_config, add_data,    add_plan, add_train, add_eval,   add_predict,
    add_export, add_verify, add_inspect, add_diff, add_bench, add_doctor, add_completion,
};

/// Runs `body` and turns what it throws into a message on standard error (with --json also on
/// standard output) and an exit code. The one place that catches errors.
int guarded(const Context& context, const std::function<int()>& body);

/// Prints `message` on standard error, and with --json the error as the result. Returns the code.
int report_error(const Context& context, int exit_code, const std::string& message);

/// Prints `result` as one line of JSON, the last line of standard output. Throws Error{io}.
void print_json(const nlohmann::ordered_json& result);

/// Writes text to standard output. Throws Error{io} when it does not arrive (a full disk, a closed
/// pipe).
void print_text(const std::string& text);

}  // namespace strata::cli
