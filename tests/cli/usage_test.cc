// The command line as a new user meets it: help texts, slips, exit codes, completion.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <regex>
#include <sstream>

#include "tests/cli/strata_process.h"

namespace strata::tests {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

/// Every command, as the words that reach it.
const std::vector<std::vector<std::string>> kCommands = {{"init"},
                                                         {"config"},
                                                         {"config", "check"},
                                                         {"config", "show"},
                                                         {"config", "schema"},
                                                         {"config", "reference"},
                                                         {"data"},
                                                         {"data", "check"},
                                                         {"data", "split"},
                                                         {"data", "gen"},
                                                         {"train"},
                                                         {"eval"},
                                                         {"predict"},
                                                         {"export"},
                                                         {"verify"},
                                                         {"inspect"},
                                                         {"diff"},
                                                         {"bench"},
                                                         {"bench", "ctr"},
                                                         {"doctor"},
                                                         {"plan"},
                                                         {"completion"}};

/// One blank where there is any white space.
std::string flowed(const std::string& text) {
  return std::regex_replace(text, std::regex("\\s+"), " ");
}

/// From `begin` to `end`, both included; empty where they are not there.
std::string cut(const std::string& text, const std::string& begin, const std::string& end) {
  const size_t from = text.find(begin);
  if (from == std::string::npos) return "";
  const size_t to = text.find(end, from);
  return to == std::string::npos ? "" : text.substr(from, to + end.size() - from);
}

TEST(Usage, EveryCommandHasHelp) {
  for (std::vector<std::string> words : kCommands) {
    SCOPED_TRACE(::testing::PrintToString(words));
    std::string name = "strata";
    for (const std::string& word : words) name += " " + word;
    words.push_back("--help");
    const Outcome help = run_strata(words);
    EXPECT_EQ(help.exit_code, 0);
    EXPECT_THAT(help.out, HasSubstr("Usage: " + name));
    EXPECT_THAT(help.out, HasSubstr("Exit codes: "));
    EXPECT_EQ(help.err, "");
  }
}

TEST(Usage, TheListOfCommandsIsWhole) {
  const std::string help = run_strata({"--help"}).out;
  const std::string list = cut(help, "Subcommands:", "Exit codes:");
  size_t listed = 0;
  for (const char c : std::regex_replace(list, std::regex("\n  [a-z]"), "#")) listed += c == '#';
  size_t known = 0;
  for (const auto& words : kCommands) known += words.size() == 1;
  EXPECT_EQ(listed, known) << "a command is missing in this test";
}

TEST(Usage, ExitCodesAreThoseOfTheReadme) {
  std::ostringstream readme;
  readme << std::ifstream(STRATA_SOURCE_DIR "/README.md").rdbuf();
  const std::string documented = cut(readme.str(), "0 ok ·", "second signal.");
  const std::string shown = cut(run_strata({"--help"}).out, "0 ok ·", "second signal.");
  EXPECT_NE(shown, "");
  EXPECT_EQ(flowed(documented), flowed(shown));
}

TEST(Usage, SlipsAreCorrected) {
  const auto error_of = [](const std::vector<std::string>& words) {
    const Outcome outcome = run_strata(words);
    EXPECT_EQ(outcome.exit_code, 2) << ::testing::PrintToString(words);
    EXPECT_EQ(outcome.out, "");
    return outcome.err;
  };
  EXPECT_EQ(error_of({"trian", "x.yaml"}),
            "strata: error: unknown command 'trian'; did you mean 'train'?\n"
            "`strata --help` tells more\n");
  EXPECT_EQ(error_of({"data", "chek", "x"}),
            "strata data: error: unknown command 'chek'; did you mean 'check'?\n"
            "`strata data --help` tells more\n");
  EXPECT_THAT(error_of({"data", "frobnicate"}),
              HasSubstr("unknown command 'frobnicate'; there are: check, split, gen"));
  EXPECT_THAT(error_of({"train", "--sett", "a=b", "x.yaml"}),
              HasSubstr("strata train: error: unknown option '--sett'; did you mean '--set'?"));
  EXPECT_THAT(error_of({"eval", "run", "--jsn"}), HasSubstr("did you mean '--json'?"));
  EXPECT_THAT(error_of({}), HasSubstr("a command is missing; there are: init, config, data"));
  EXPECT_THAT(error_of({"bench"}), HasSubstr("a command is missing; there are: ctr"));
  EXPECT_THAT(error_of({"train"}), HasSubstr("FILE is required"));
  EXPECT_THAT(error_of({"train", "x", "--resume", "auto", "--overwrite"}),
              HasSubstr("--resume excludes --overwrite"));
}

TEST(Usage, ErrorsAreJsonTooWhenAsked) {
  const Outcome outcome = run_strata({"trian", "--json"});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_EQ(outcome.json()["exit_code"], 2);
  EXPECT_THAT(outcome.json()["error"].get<std::string>(), HasSubstr("did you mean 'train'?"));
}

/// Words that the completion script offers after `typed` (its last word is being typed).
std::string completed(const ScratchFolder& scratch, const std::string& typed) {
  scratch.write("strata.bash", run_strata({"completion", "bash"}).out);
  const std::string out = scratch.path("words");
  const std::string script = "source " + scratch.path("strata.bash") + "; COMP_WORDS=(" + typed +
                             "); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _strata; echo \"${" +
                             "COMPREPLY[@]}\" > " + out;
  scratch.write("script.bash", script);
  EXPECT_EQ(std::system(("cd " + scratch.path() + " && bash script.bash").c_str()), 0);
  std::ostringstream text;
  text << std::ifstream(out).rdbuf();
  return text.str();
}

TEST(Completion, OffersCommandsOptionsAndChoices) {
  const ScratchFolder scratch;
  EXPECT_EQ(completed(scratch, "strata tr"), "train\n");
  EXPECT_EQ(completed(scratch, "strata data che"), "check\n");
  EXPECT_EQ(completed(scratch, "strata data split file.tsv --eval-f"), "--eval-fraction\n");
  EXPECT_EQ(completed(scratch, "strata bench ctr --pre"), "--preset\n");
  EXPECT_THAT(completed(scratch, "strata data ''"), StartsWith("check split gen "));
}

}  // namespace
}  // namespace strata::tests
