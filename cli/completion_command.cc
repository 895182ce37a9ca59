// strata completion bash|zsh: scripts made from the parser's own list of commands and options.
#include <fmt/format.h>

#include <memory>

#include "cli/command.h"

namespace strata::cli {
namespace {

/// Words that may follow `app` on the command line.
std::string words_of(const CLI::App& app) {
  std::string out;
  for (const CLI::App* command : app.get_subcommands({})) out += command->get_name() + " ";
  for (const CLI::Option* option : app.get_options()) {
    for (const std::string& name : option->get_lnames()) out += "--" + name + " ";
  }
  return out;
}

/// `case` arms: "config show" and its words.
void append_arms(const CLI::App& app, const std::string& path, std::string& out) {
  out += fmt::format("    \"{}\") words=\"{}\";;\n", path, words_of(app));
  for (const CLI::App* command : app.get_subcommands({})) {
    append_arms(*command, path.empty() ? command->get_name() : path + " " + command->get_name(),
                out);
  }
}

std::string bash_script(const CLI::App& app) {
  std::string arms;
  append_arms(app, "", arms);
  return fmt::format(R"(# strata completion bash > ~/.local/share/bash-completion/completions/strata
_strata() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} path="" word words=""
  for word in "${{COMP_WORDS[@]:1:COMP_CWORD-1}}"; do
    case $word in -*|*=*|*/*|*.*) ;; *) path="${{path:+$path }}$word";; esac
  done
  case $path in
{}    *) words="--json --help --set";;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current") $(compgen -f -- "$current"))
}}
complete -o filenames -F _strata strata
)",
                     arms);
}

std::string zsh_script(const CLI::App& app) {
  return "#compdef strata\n# strata completion zsh > \"${fpath[1]}/_strata\"\n"
         "autoload -U +X bashcompinit && bashcompinit\n" +
         bash_script(app);
}

}  // namespace

void add_completion(CLI::App& app, Action& chosen) {
  CLI::App* command = app.add_subcommand("completion", "Print a completion script for a shell");
  const auto shell = std::make_shared<std::string>();
  command->add_option("SHELL", *shell, "bash or zsh")
      ->required()
      ->check(CLI::IsMember({"bash", "zsh"}));
  command->callback([shell, &app, &chosen] {
    chosen = [shell, &app](const Context& context) {
      const std::string script = *shell == "zsh" ? zsh_script(app) : bash_script(app);
      if (context.json) {
        print_json({{"shell", *shell}, {"script", script}});
      } else {
        print_text(script);
      }
      return 0;
    };
  });
}

}  // namespace strata::cli
