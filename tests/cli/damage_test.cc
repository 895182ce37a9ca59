// A byte that changed under a run, a checkpoint or an export: 76 and the file's name, whichever
// command reads it.
#include <fstream>

#include "tests/cli/trained.h"

namespace strata::tests {
namespace {

using ::testing::HasSubstr;

/// Changes the byte before the last of a file in `folder` whose name ends so; the file's name.
std::string damage(const std::string& folder, const std::string& ending) {
  std::filesystem::path victim;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (entry.path().string().ends_with(ending)) victim = entry.path();
  }
  std::fstream file(victim, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(-2, std::ios::end);
  const int byte = file.peek();
  file.seekp(-2, std::ios::end);
  file.put(static_cast<char>(byte ^ 0x5a));
  return victim.filename().string();
}

TEST_F(Trained, DamageIs76NamingTheFileForEveryCommand) {
  struct Case {
    std::string folder, ending;
  };
  for (const auto& [whole, ending] :
       {Case{run(), "weights.safetensors"}, Case{checkpoint(), "manifest.json"},
        Case{exports() + "/v000001", ".rows.npy"},
        Case{exports() + "/v000002", "model.safetensors"}}) {
    SCOPED_TRACE(whole + " " + ending);
    const std::string damaged = copy_of(whole, "damaged");
    const std::string file = damage(damaged, ending);
    for (const std::vector<std::string>& command : {std::vector<std::string>{"verify", damaged},
                                                    {"inspect", damaged},
                                                    {"diff", damaged, whole},
                                                    {"diff", whole, damaged},
                                                    {"eval", damaged, "--data", test_file()},
                                                    {"predict", damaged, test_file()}}) {
      const Outcome outcome = in_source(command);
      EXPECT_EQ(outcome.exit_code, 76) << command[0];
      const std::string& said = command[0] == "verify" ? outcome.out : outcome.err;
      EXPECT_THAT(said, HasSubstr(file)) << command[0];
    }
    std::filesystem::remove_all(damaged);
  }
}

// Any web page or browser extension has a manifest.json.
TEST_F(Trained, AnotherProgramsManifestIs66AndADamagedOneOfOursIs76) {
  const std::string ours = read_text(checkpoint() + "/manifest.json");
  std::string magic = ours;
  magic.replace(magic.find("strata checkpoint"), 6, "strxta");
  std::string no_magic = ours;
  no_magic.replace(no_magic.find("\"magic\""), 7, "\"mxgic\"");
  std::string unsealed = ours;
  unsealed.replace(unsealed.find("manifest_xxh3"), 8, "manixest");
  const std::vector<std::pair<std::string, int>> cases = {
      {"{\"name\": \"a web page\", \"magic\": 7}", 66},
      {"[]", 66},
      {magic, 76},
      {no_magic, 76},
      {unsealed, 76},
      {ours.substr(0, ours.size() / 2), 76}};
  for (const auto& [text, code] : cases) {
    const std::string folder = copy_of(checkpoint(), "manifest");
    scratch_->write("manifest/manifest.json", text);
    for (const std::vector<std::string>& command : {std::vector<std::string>{"verify", folder},
                                                    {"inspect", folder},
                                                    {"diff", run(), folder},
                                                    {"eval", folder}}) {
      const Outcome outcome = in_source(command);
      EXPECT_EQ(outcome.exit_code, code) << command[0] << " of " << text.substr(0, 60);
      EXPECT_THAT(outcome.out + outcome.err, HasSubstr("manifest.json"));
    }
    std::filesystem::remove_all(folder);
  }
}

TEST_F(Trained, WhatIsNotThereIs66) {
  for (const char* command : {"verify", "inspect", "eval", "export"}) {
    std::vector<std::string> words = {command, path("nothing")};
    if (command == std::string("export")) words.push_back(path("nowhere"));
    const Outcome outcome = run_strata(words);
    EXPECT_EQ(outcome.exit_code, 66) << command;
    EXPECT_THAT(outcome.err, HasSubstr("nothing")) << command;
  }
}

}  // namespace
}  // namespace strata::tests
