#include "train/config_problems.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace strata::train {
namespace {

using ::testing::HasSubstr;

int add_file(Problems& problems, const std::string& text) {
  return problems.add_source({ConfigSource::Kind::kFile, "configs/criteo.yaml", text});
}

TEST(Problems, LookLikeACompilersErrors) {
  Problems problems;
  const int file = add_file(problems, "train:\n    bach_size: 4096\n");
  problems.add({file, 2, 5, 9}, "unknown key 'bach_size' in 'train'", "did you mean 'batch_size'?");
  EXPECT_EQ(problems.report(),
            "configs/criteo.yaml:2:5: error: unknown key 'bach_size' in 'train'\n"
            "    2 |     bach_size: 4096\n"
            "      |     ^~~~~~~~~\n"
            "  did you mean 'batch_size'?");
}

TEST(Problems, ColumnsCountCharactersNotBytes) {
  Problems problems;
  const int file = add_file(problems, "größe: x\n");
  problems.add({file, 1, 10, 1}, "bad");  // byte 10 is the 8th character
  EXPECT_EQ(problems.report(),
            "configs/criteo.yaml:1:8: error: bad\n"
            "    1 | größe: x\n"
            "      |        ^");
}

TEST(Problems, NameVariableOrOptionWhereThereIsNoFile) {
  Problems problems;
  problems.add({problems.add_source({ConfigSource::Kind::kEnvironment, "STRATA_A__B", "x"})},
               "bad");
  problems.add({problems.add_source({ConfigSource::Kind::kCommandLine, "a.b=x", "x"})}, "worse");
  EXPECT_EQ(problems.report(), "environment STRATA_A__B: error: bad\n--set a.b=x: error: worse");
}

TEST(Problems, AreCappedAndCounted) {
  Problems problems;
  for (int i = 0; i < 25; ++i) problems.add({}, "bad");
  EXPECT_THAT(problems.report(), HasSubstr("… and 5 more problems"));
}

TEST(Problems, ThrowExit78) {
  Problems problems;
  EXPECT_NO_THROW(problems.throw_if_any());
  problems.add({}, "bad");
  try {
    problems.throw_if_any();
    FAIL();
  } catch (const ConfigError& e) {
    EXPECT_EQ(e.exit_code(), 78);
  }
}

TEST(Problems, SurviveLongLinesControlCharactersAndPlacesOutsideTheText) {
  Problems problems;
  const int file = add_file(problems, std::string(100'000, 'x') + "\n\x1b[31m\xff\n");
  problems.add({file, 1, 90'000, 5}, "far right");
  problems.add({file, 2, 1, 50}, "escape");
  problems.add({file, 99, 99, 99}, "nowhere");
  EXPECT_LT(problems.report().size(), 1000u);
  EXPECT_EQ(problems.report().find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace strata::train
