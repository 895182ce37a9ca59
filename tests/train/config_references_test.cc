// What one part of a config says about another: the place, the nearest name, all in one run.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "train/config.h"

namespace strata::train {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kCsv =
    "model: {name: wide_deep, hidden: [8]}\n"
    "data:\n"
    "  format: csv\n"
    "  csv: {fields: [clicked, city, device, age]}\n"
    "  columns:\n"
    "    - {name: clicked, type: label}\n";

std::string report_with(const ConfigInputs& inputs) {
  try {
    load_config(inputs);
  } catch (const ConfigError& e) {
    EXPECT_EQ(e.exit_code(), 78);
    return e.what();
  }
  return "ok";
}

std::string problems_of(const std::string& text) {
  try {
    parse_config(text, "x.yaml");
  } catch (const ConfigError& e) {
    EXPECT_EQ(e.exit_code(), 78);
    return e.what();
  }
  return "ok";
}

TEST(ConfigReferences, AColumnOfAFieldThatIsNotThere) {
  EXPECT_EQ(problems_of(std::string(kCsv) + "    - {name: town, source: ciyt}\n"),
            "x.yaml:7:28: error: data.columns: column 'town': the input has no field 'ciyt'\n"
            "    7 |     - {name: town, source: ciyt}\n"
            "      |                            ^~~~\n"
            "  did you mean 'city'?");
  EXPECT_THAT(problems_of(std::string(kCsv) + "    - name: devise\n"),
              AllOf(HasSubstr("x.yaml:7:13: error: "), HasSubstr("did you mean 'device'?")));
  EXPECT_THAT(problems_of(std::string(kCsv) + "    - name: zzzzzz\n"),
              HasSubstr("fields: clicked, city, device, age"));
}

TEST(ConfigReferences, ACrossOfAColumnThatIsNotThere) {
  const std::string report = problems_of(std::string(kCsv) +
                                         "    - {name: city}\n    - {name: device}\n"
                                         "    - {name: both, type: crossed, of: [city, devce]}\n");
  EXPECT_THAT(report, AllOf(HasSubstr("x.yaml:9:46: error: "), HasSubstr("'devce'"),
                            HasSubstr("did you mean 'device'?")));
}

TEST(ConfigReferences, EveryFaultyColumnIsToldInOneRun) {
  const std::string report = problems_of(std::string(kCsv) +
                                         "    - {name: ctiy}\n    - {name: device, keys: hashed}\n"
                                         "    - {name: both, type: crossed, of: [ctiy, device]}\n"
                                         "    - {name: device}\n");
  EXPECT_THAT(report, HasSubstr("x.yaml:7:14: error: "));
  EXPECT_THAT(report, HasSubstr("x.yaml:8:28: error: data.columns: column 'device': keys: hashed"));
  EXPECT_THAT(report, HasSubstr("x.yaml:10:14: error: "));
  EXPECT_THAT(report, HasSubstr("the name is used twice"));
  EXPECT_THAT(report, Not(HasSubstr("x.yaml:9:")));  // what a faulty column takes with it
}

TEST(ConfigReferences, FieldsOfAHeaderAreNotGuessed) {
  EXPECT_EQ(problems_of("model: {name: wide_deep}\n"
                        "data: {format: csv, columns: [{name: y, type: label}, {name: a}]}\n"),
            "ok");
  EXPECT_THAT(problems_of("data: {format: csv, csv: {header: false}, columns: [{name: a}]}\n"),
              HasSubstr("x.yaml:1:35: error: data.csv: without a header"));
}

TEST(ConfigReferences, APresetThatIsNone) {
  EXPECT_THAT(problems_of("data:\n  columns: critoe\n"),
              AllOf(HasSubstr("x.yaml:2:12: error: "), HasSubstr("did you mean 'criteo'?")));
}

TEST(ConfigReferences, AGroupForATableThatNobodyUses) {
  EXPECT_EQ(problems_of("tables:\n  defaults: {dim: 16}\n  C33: {dim: 16}\n"),
            "x.yaml:3:3: error: tables.C33: no feature of this model uses a table of that name\n"
            "    3 |   C33: {dim: 16}\n"
            "      |   ^~~\n"
            "  did you mean 'C3'?");
  EXPECT_THAT(report_with({.sets = {"tables.c3.dim=16"}}),
              AllOf(HasSubstr("--set tables.c3.dim=16: error: tables.c3: no feature"),
                    HasSubstr("did you mean 'C3'?")));
  EXPECT_THAT(report_with({.environment = {{"STRATA_TABLES__C99__DIM", "16"}}}),
              HasSubstr("environment STRATA_TABLES__C99__DIM: error: tables.C99"));
}

TEST(ConfigReferences, ATableOfBothParts) {
  EXPECT_THAT(problems_of(std::string(kCsv) + "    - {name: city, table: wide_device}\n" +
                          "    - {name: device}\n"),
              AllOf(HasSubstr("x.yaml:8:14: error: "), HasSubstr("'wide_device'")));
}

TEST(ConfigReferences, ShapesThatDoNotFit) {
  EXPECT_THAT(problems_of("tables: {defaults: {dim: 32}}\n"),
              AllOf(HasSubstr("x.yaml:1:26: error: model.bottom ends in 16"),
                    HasSubstr("tables.defaults.dim")));
  EXPECT_THAT(problems_of("model:\n  bottom: [8, 4]\n  top: [8, 2]\n"),
              AllOf(HasSubstr("x.yaml:2:11: error: model.bottom"),
                    HasSubstr("x.yaml:3:8: error: model.top")));
  EXPECT_THAT(problems_of("tables:\n  C3:\n    dim: 8\n"), HasSubstr("x.yaml:3:10: error: "));
  EXPECT_THAT(problems_of("tables: {C5: {pooling: none}}\n"), HasSubstr("x.yaml:1:24: error: "));
  EXPECT_THAT(problems_of("data: {columns: [{name: label, type: label}, {name: C1}]}\n"),
              AllOf(HasSubstr("x.yaml:1:17: error: "), HasSubstr("needs dense columns")));
  EXPECT_THAT(problems_of("model: logistic_regression\n"
                          "tables:\n  wide:\n    dim: 2\n"),
              HasSubstr("x.yaml:4:10: error: "));
}

TEST(ConfigReferences, TrainingNeedsALabel) {
  EXPECT_THAT(problems_of("model: wide_deep\ndata: {columns: [{name: C1}]}\n"),
              AllOf(HasSubstr("x.yaml:2:17: error: "), HasSubstr("type label")));
}

TEST(ConfigReferences, WhatIsWatchedIsEvaluated) {
  EXPECT_THAT(problems_of("train:\n  early_stopping: {metric: gauc}\ndata: {eval_fraction: 0.1}\n"),
              AllOf(HasSubstr("x.yaml:2:28: error: "), HasSubstr("type group")));
  EXPECT_THAT(problems_of("train: {schedules: {wide: {decay: {name: plateau}}}}\n"),
              AllOf(HasSubstr("x.yaml:1:28: error: "), HasSubstr("data.eval_fraction")));
  EXPECT_THAT(problems_of("train: {early_stopping: {patience: 2}}\ndata: {format: synthetic}\n"),
              HasSubstr("x.yaml:1:9: error: train.early_stopping needs evaluation data"));
}

TEST(ConfigReferences, ColumnsOfTheGenerator) {
  EXPECT_THAT(
      problems_of("data: {format: synthetic, synthetic: {interaction_columns: [C6, c9]}}\n"),
      AllOf(HasSubstr("x.yaml:1:65: error: "), HasSubstr("did you mean 'C9'?")));
}

TEST(ConfigReferences, AWindowThatCannotBeRead) {
  EXPECT_THAT(
      problems_of("data: {window_blocks: 16, block_bytes: 256MiB}\nmemory: {limit: 1TiB}\n"),
      AllOf(HasSubstr("x.yaml:1:23: error: "), HasSubstr("2 GiB")));
}

}  // namespace
}  // namespace strata::train
