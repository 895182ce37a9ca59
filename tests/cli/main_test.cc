// The command line itself: usage, exit codes, --json, errors as users see them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/cli/strata_process.h"

namespace strata::tests {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(Strata, UsageErrorsExitWith2) {
  for (const std::vector<std::string>& arguments : {std::vector<std::string>{},
                                                    {"nonsense"},
                                                    {"config"},
                                                    {"config", "check"},
                                                    {"config", "show", "--nonsense"},
                                                    {"completion", "fish"},
                                                    {"init", "--model", "nonsense"}}) {
    const Outcome outcome = run_strata(arguments);
    EXPECT_EQ(outcome.exit_code, 2) << ::testing::PrintToString(arguments);
    EXPECT_NE(outcome.err, "");
  }
}

TEST(Strata, HelpAndVersionExitWith0) {
  EXPECT_EQ(run_strata({"--help"}).exit_code, 0);
  EXPECT_EQ(run_strata({"config", "--help"}).exit_code, 0);
  const Outcome version = run_strata({"--version"});
  EXPECT_EQ(version.exit_code, 0);
  EXPECT_THAT(version.out, StartsWith("strata "));
  EXPECT_THAT(version.out, HasSubstr("oneDNN"));
  EXPECT_THAT(version.out, HasSubstr("not built in"));
}

TEST(Strata, ConfigErrorsLookLikeACompilers) {
  const ScratchFolder scratch;
  scratch.write("criteo.yaml", "train:\n    bach_size: 4096\n");
  const Outcome outcome = run_strata({"config", "check", "criteo.yaml"}, scratch.path());
  EXPECT_EQ(outcome.exit_code, 78);
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(outcome.err,
            "criteo.yaml:2:5: error: unknown key 'bach_size' in 'train'\n"
            "    2 |     bach_size: 4096\n"
            "      |     ^~~~~~~~~\n"
            "  did you mean 'batch_size'?\n");
}

TEST(Strata, ErrorsAreJsonTooWhenAsked) {
  const Outcome outcome = run_strata({"config", "check", "absent.yaml", "--json"});
  EXPECT_EQ(outcome.exit_code, 66);
  EXPECT_EQ(outcome.json()["exit_code"], 66);
  EXPECT_THAT(outcome.json()["error"].get<std::string>(), HasSubstr("absent.yaml"));
}

TEST(Strata, FullDiskOnStandardOutputIs74) {
  const std::string command = std::string(STRATA_BINARY) + " config reference > /dev/full 2>&1";
  EXPECT_EQ(WEXITSTATUS(std::system(command.c_str())), 74);
}

TEST(ConfigCommand, CheckSaysOk) {
  const Outcome outcome =
      run_strata({"config", "check", "configs/reference.yaml", "--json"}, STRATA_SOURCE_DIR);
  EXPECT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.json()["ok"], true);
}

TEST(ConfigCommand, CheckHoldsTheColumnsToTheHeaderThatIsThere) {
  const ScratchFolder scratch;
  scratch.write("x.yaml",
                "model: {name: wide_deep, hidden: [8]}\n"
                "data:\n  format: csv\n  train: rows.csv\n"
                "  columns: [{name: y, type: label}, {name: ctiy}]\n");
  const std::vector<std::string> check = {"config", "check", "x.yaml"};
  EXPECT_EQ(run_strata(check, scratch.path()).out,
            "x.yaml: ok (the columns were not held to the header of data.train: that file is not "
            "there)\n");
  scratch.write("rows.csv", "y,city\n1,a\n0,b\n");
  for (const std::vector<std::string>& command :
       {check, std::vector<std::string>{"train", "x.yaml"},
        std::vector<std::string>{"data", "check", "rows.csv", "--config", "x.yaml"}}) {
    const Outcome outcome = run_strata(command, scratch.path());
    EXPECT_EQ(outcome.exit_code, 78);
    EXPECT_THAT(outcome.err, HasSubstr("x.yaml:5:44: error: data.columns: column 'ctiy': the input "
                                       "has no field 'ctiy'\n"));
    EXPECT_THAT(outcome.err, HasSubstr("did you mean 'city'?"));
  }
}

TEST(ConfigCommand, ShowSaysWhereEachValueCameFrom) {
  const ScratchFolder scratch;
  scratch.write("x.yaml", "train: {seed: 7}\n");
  const Outcome outcome =
      run_strata({"config", "show", "x.yaml", "--json", "--set", "train.epochs=3"}, scratch.path(),
                 {"STRATA_TRAIN__BATCH_SIZE=64"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const nlohmann::json values = outcome.json()["values"];
  EXPECT_EQ(values["train.seed"]["origin"], "x.yaml:1");
  EXPECT_EQ(values["train.seed"]["value"], "7");
  EXPECT_EQ(values["train.epochs"]["origin"], "--set train.epochs=3");
  EXPECT_EQ(values["train.batch_size"]["origin"], "environment STRATA_TRAIN__BATCH_SIZE");
  EXPECT_EQ(values["train.accumulate"]["origin"], "default");
}

TEST(ConfigCommand, UnknownEnvironmentNamesAreErrors) {
  const Outcome outcome = run_strata({"config", "show"}, "", {"STRATA_TRIAN__SEED=1"});
  EXPECT_EQ(outcome.exit_code, 78);
  EXPECT_THAT(outcome.err, HasSubstr("environment STRATA_TRIAN__SEED: error: unknown key 'trian'"));
  EXPECT_EQ(run_strata({"config", "show"}, "", {"STRATA_ISA=baseline"}).exit_code, 0);
  EXPECT_EQ(run_strata({"doctor"}, "", {"STRATA_ISA=avx9"}).exit_code, 2);
}

TEST(ConfigCommand, SchemaIsOneJsonObject) {
  const nlohmann::json schema = run_strata({"config", "schema", "--json"}).json();
  ASSERT_TRUE(schema.is_object());
  EXPECT_GT(schema["keys"].size(), 5u);
}

TEST(InitCommand, WritesAConfigThatChecks) {
  const ScratchFolder scratch;
  const std::string file = scratch.path("new.yaml");
  const Outcome outcome =
      run_strata({"init", file, "--model", "deepfm", "--json"}, STRATA_SOURCE_DIR);
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.json()["model"], "deepfm");
  EXPECT_EQ(run_strata({"config", "check", file}).exit_code, 0);
  EXPECT_EQ(run_strata({"init", file}, STRATA_SOURCE_DIR).exit_code, 2) << "never overwrites";
}

TEST(DoctorCommand, ReportsMachineAndBuild) {
  const Outcome outcome = run_strata({"doctor", "--json"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  std::vector<std::string> subjects;
  const nlohmann::json report = outcome.json();
  for (const auto& finding : report["findings"]) subjects.push_back(finding["subject"]);
  for (const char* subject : {"cpu", "memory", "disk", "huge pages", "gpu", "compiler", "oneDNN"}) {
    EXPECT_THAT(subjects, ::testing::Contains(subject));
  }
  EXPECT_EQ(run_strata({"doctor"}).exit_code, 0);
}

TEST(CompletionCommand, PrintsAScriptThatParses) {
  const ScratchFolder scratch;
  const Outcome outcome = run_strata({"completion", "bash"});
  ASSERT_EQ(outcome.exit_code, 0);
  EXPECT_THAT(outcome.out, HasSubstr("config"));
  scratch.write("strata.bash", outcome.out);
  EXPECT_EQ(std::system(("bash -n " + scratch.path("strata.bash")).c_str()), 0);
}

}  // namespace
}  // namespace strata::tests
