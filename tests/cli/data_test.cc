// strata data gen|check|split as users run them, on good and on bad input.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "tests/cli/strata_process.h"

namespace strata::tests {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

bool same_files(const std::string& a, const std::string& b) {
  return std::system(("cmp -s " + a + " " + b).c_str()) == 0;
}

TEST(DataGen, IsReproducibleAndTellsTheBestResult) {
  const ScratchFolder scratch;
  const Outcome first = run_strata({"data", "gen", scratch.path("a"), "--rows", "3000", "--json"});
  ASSERT_EQ(first.exit_code, 0) << first.err;
  EXPECT_EQ(first.json()["rows"], 3000);
  EXPECT_GT(first.json()["best"]["auc"], 0.7);
  ASSERT_EQ(run_strata({"data", "gen", scratch.path("b"), "--rows", "3000", "--no-report",
                        "--threads", "1"})
                .exit_code,
            0);
  EXPECT_TRUE(same_files(scratch.path("a"), scratch.path("b")));
}

TEST(DataGen, BadArgumentsAreNamed) {
  const ScratchFolder scratch;
  EXPECT_EQ(run_strata({"data", "gen", "/nonexistent/x", "--rows", "10"}).exit_code, 74);
  const Outcome none = run_strata({"data", "gen", scratch.path("x"), "--rows", "0"});
  EXPECT_EQ(none.exit_code, 2);
  EXPECT_THAT(none.err, HasSubstr("--rows"));
  scratch.write("there", "mine\n");
  const Outcome there = run_strata({"data", "gen", scratch.path("there"), "--rows", "10"});
  EXPECT_EQ(there.exit_code, 2);
  EXPECT_THAT(there.err, HasSubstr("exists already"));
  EXPECT_EQ(read_text(scratch.path("there")), "mine\n");
}

TEST(DataCheck, ReportsRowsPositiveRateAndDistinctValues) {
  const ScratchFolder scratch;
  scratch.write("some.tsv", criteo_lines(300));
  const Outcome outcome = run_strata({"data", "check", scratch.path("some.tsv"), "--json"});
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const nlohmann::json report = outcome.json();
  EXPECT_EQ(report["lines"], 300);
  EXPECT_EQ(report["good"], 300);
  EXPECT_EQ(report["bad"], 0);
  EXPECT_EQ(report["trains"], true);
  EXPECT_NEAR(report["positive_rate"].get<double>(), 1.0 / 3, 1e-9);
  ASSERT_EQ(report["fields"].size(), 39u);
  for (const nlohmann::json& field : report["fields"]) {
    if (field["name"] != "C1") continue;
    EXPECT_EQ(field["distinct"], 40);
  }
}

TEST(DataCheck, BadRowsAreListedWithFileAndLineAndExitWith65) {
  const ScratchFolder scratch;
  scratch.write("some.tsv", criteo_lines(300, 17) + "1\t2\n\n");
  const std::string file = scratch.path("some.tsv");
  const Outcome text = run_strata({"data", "check", file});
  EXPECT_EQ(text.exit_code, 65);
  EXPECT_THAT(text.out, HasSubstr("302 lines: 299 good, 2 bad, 1 blank"));
  EXPECT_THAT(text.out, HasSubstr("some.tsv:17: "));
  EXPECT_THAT(text.out, HasSubstr("some.tsv:301: "));
  EXPECT_THAT(text.out, HasSubstr("data.max_bad_ratio"));
  const nlohmann::json report = run_strata({"data", "check", file, "--json"}).json();
  EXPECT_EQ(report["bad"], 2);
  EXPECT_EQ(report["trains"], false);
  EXPECT_EQ(report["first_bad"][0]["line"], 17);
  EXPECT_EQ(run_strata({"data", "check", file, "--set", "data.max_bad_ratio=0.01"}).exit_code, 0);
}

TEST(DataCheck, MoreBadRowsThanAreListedAreCounted) {
  const ScratchFolder scratch;
  std::string text;
  for (int i = 0; i < 30; ++i) text += "x\n";
  scratch.write("bad.tsv", text);
  const Outcome outcome = run_strata({"data", "check", scratch.path("bad.tsv")});
  EXPECT_EQ(outcome.exit_code, 65);
  EXPECT_THAT(outcome.out, HasSubstr("bad.tsv:20: "));
  EXPECT_THAT(outcome.out, Not(HasSubstr("bad.tsv:21: ")));
  EXPECT_THAT(outcome.out, HasSubstr("10 bad rows more"));
  EXPECT_THAT(outcome.out, HasSubstr("no good row"));
}

TEST(DataCheck, ReadsAnyFormatOfAConfig) {
  const Outcome adult = run_strata({"data", "check", "datasets/adult/adult.data.gz", "--config",
                                    "configs/wide_deep_adult.yaml", "--json"},
                                   STRATA_SOURCE_DIR);
  ASSERT_EQ(adult.exit_code, 0) << adult.err;
  EXPECT_EQ(adult.json()["good"], 32561);
  EXPECT_NEAR(adult.json()["positive_rate"].get<double>(), 0.2408, 1e-4);
}

TEST(DataCheck, BadInputHasItsExitCode) {
  const ScratchFolder scratch;
  const Outcome absent = run_strata({"data", "check", scratch.path("absent.tsv")});
  EXPECT_EQ(absent.exit_code, 66);
  EXPECT_THAT(absent.err, HasSubstr("absent.tsv"));
  scratch.write("empty.tsv", "");
  EXPECT_EQ(run_strata({"data", "check", scratch.path("empty.tsv")}).exit_code, 65);
  scratch.write("damaged.gz", "\x1f\x8b\x08 this is no gzip");
  const Outcome damaged = run_strata({"data", "check", scratch.path("damaged.gz")});
  EXPECT_EQ(damaged.exit_code, 65);
  EXPECT_THAT(damaged.err, HasSubstr("damaged.gz"));
  scratch.write("some.tsv", criteo_lines(3));
  const std::string file = scratch.path("some.tsv");
  EXPECT_EQ(run_strata({"data", "check", file, "--config", "absent.yaml"}).exit_code, 66);
  EXPECT_EQ(run_strata({"data", "check", file, "--set", "data.fromat=csv"}).exit_code, 78);
  EXPECT_EQ(run_strata({"data", "check"}).exit_code, 2);
}

std::vector<std::string> split(const ScratchFolder& scratch, const std::string& input,
                               const std::vector<std::string>& more) {
  std::vector<std::string> arguments = {"data",
                                        "split",
                                        input,
                                        "--train-out",
                                        scratch.path("train.tsv"),
                                        "--eval-out",
                                        scratch.path("eval.tsv"),
                                        "--json"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

TEST(DataSplit, ByTimeTakesTheLastRows) {
  const ScratchFolder scratch;
  scratch.write("all.tsv", criteo_lines(100));
  const auto arguments = split(scratch, scratch.path("all.tsv"), {"--eval-fraction", "0.2"});
  const Outcome outcome = run_strata(arguments);
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  EXPECT_EQ(outcome.json()["train_rows"], 80);
  EXPECT_EQ(outcome.json()["eval_rows"], 20);
  EXPECT_EQ(read_text(scratch.path("train.tsv")) + read_text(scratch.path("eval.tsv")),
            criteo_lines(100));
  const Outcome again = run_strata(arguments);
  EXPECT_EQ(again.exit_code, 2) << "outputs are never overwritten";
  EXPECT_THAT(again.err, HasSubstr("train.tsv: exists already"));
}

TEST(DataSplit, RandomPartitionsTheRowsAndKeepsTheHeader) {
  const ScratchFolder scratch;
  std::string rows;
  for (int i = 0; i < 2000; ++i) rows += std::to_string(i) + ",x\n";
  scratch.write("all.csv", "n,c\n" + rows);
  const Outcome outcome = run_strata(split(
      scratch, scratch.path("all.csv"), {"--by", "random", "--eval-fraction", "0.3", "--header"}));
  ASSERT_EQ(outcome.exit_code, 0) << outcome.err;
  const int64_t eval_rows = outcome.json()["eval_rows"];
  EXPECT_EQ(outcome.json()["train_rows"].get<int64_t>() + eval_rows, 2000);
  EXPECT_NEAR(static_cast<double>(eval_rows), 600, 100);
  const std::string train = read_text(scratch.path("train.tsv"));
  const std::string eval = read_text(scratch.path("eval.tsv"));
  EXPECT_EQ(train.substr(0, 4), "n,c\n");
  EXPECT_EQ(eval.substr(0, 4), "n,c\n");
  EXPECT_EQ(train.size() + eval.size(), rows.size() + 8);
}

TEST(DataSplit, BadArgumentsAreNamedAndLeaveNothing) {
  const ScratchFolder scratch;
  scratch.write("all.tsv", criteo_lines(10));
  const std::string all = scratch.path("all.tsv");
  const Outcome fraction = run_strata(split(scratch, all, {"--eval-fraction", "1.5"}));
  EXPECT_EQ(fraction.exit_code, 2);
  EXPECT_THAT(fraction.err, HasSubstr("1.5"));
  EXPECT_EQ(run_strata(split(scratch, all, {"--by", "label"})).exit_code, 2);
  EXPECT_EQ(run_strata(split(scratch, scratch.path("absent"), {})).exit_code, 66);
  const Outcome same = run_strata({"data", "split", all, "--train-out", scratch.path("one.tsv"),
                                   "--eval-out", scratch.path() + "/./one.tsv"});
  EXPECT_EQ(same.exit_code, 2);
  EXPECT_THAT(same.err, HasSubstr("a file each"));
  EXPECT_EQ(run_strata({"data", "split", all, "--train-out", scratch.path("t"), "--eval-out",
                        "/nonexistent/e"})
                .exit_code,
            74);
  for (const char* name : {"train.tsv", "eval.tsv", "one.tsv", "t"}) {
    EXPECT_FALSE(std::filesystem::exists(scratch.path(name))) << name;
  }
}

}  // namespace
}  // namespace strata::tests
