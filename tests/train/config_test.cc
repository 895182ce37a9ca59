#include "train/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "tests/error_of.h"
#include "tests/train/temporary_folder.h"

namespace strata::train {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

std::string text_of(const std::filesystem::path& path) {
  std::ostringstream out;
  out << std::ifstream(path).rdbuf();
  return out.str();
}

struct Failure {
  std::string report;
  int exit_code = 0;
};

Failure failure_of(const ConfigInputs& inputs) {
  try {
    load_config(inputs);
  } catch (const Error& e) {
    return {e.what(), e.exit_code()};
  }
  return {};
}

Failure failure_of_text(const std::string& text) {
  try {
    parse_config(text, "x.yaml");
  } catch (const Error& e) {
    return {e.what(), e.exit_code()};
  }
  return {};
}

Config with(const std::vector<std::string>& sets) { return load_config({.sets = sets}).config; }

TEST(Config, EveryShippedConfigReads) {
  int found = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::string(STRATA_SOURCE_DIR) + "/configs")) {
    if (entry.path().extension() != ".yaml") continue;
    SCOPED_TRACE(entry.path().string());
    EXPECT_NO_THROW(load_config({.file = entry.path().string()}));
    ++found;
  }
  EXPECT_GE(found, 1);
}

TEST(Config, ReferenceFileHasEveryKeyAndTheDefaults) {
  const std::string path = std::string(STRATA_SOURCE_DIR) + "/configs/reference.yaml";
  EXPECT_EQ(text_of(path), reference_config()) << "write it with: strata config reference";
  const LoadedConfig loaded = load_config({.file = path});
  EXPECT_EQ(write_config(loaded.config), write_config(Config{}));
  for (const ConfigLeaf& leaf : leaves_of(Config{})) {
    EXPECT_NE(loaded.origin(leaf.path), "default") << leaf.key();
  }
}

void expect_documented(const SchemaNode& node, const std::string& path) {
  for (const SchemaNode& child : node.children) {
    EXPECT_NE(child.doc, "") << path << child.name;
    expect_documented(child, path + child.name + ".");
  }
  for (const SchemaChoice& choice : node.choices) {
    for (const SchemaNode& child : choice.children) {
      EXPECT_NE(child.doc, "") << path << choice.name << "." << child.name;
    }
  }
}

TEST(Config, EveryKeyIsDocumented) { expect_documented(schema_of(Config{}), ""); }

TEST(Config, ResolvedConfigReadsBackEqual) {
  const Config config =
      with({"model.name=wide_deep", "dense.optimizer=adam", "tables.C3.dim=32",
            "dense.optimizer.learning_rate=0.0003", "data.train=[\"a b\", '*.gz']",
            "train.early_stopping.patience=7", "data.eval_fraction=0.1",
            "train.schedules.dense.decay.name=cosine", "memory.limit=16GiB",
            "data.columns=[{name: C3}, {name: label, type: label, positive: ['>50K']}]"});
  const std::string text = write_config(config);
  EXPECT_EQ(write_config(parse_config(text, "resolved")), text);
  EXPECT_TRUE(changed_keys(config, parse_config(text, "resolved")).empty());
}

TEST(Config, UnknownAndMisspeltKeysAreReportedTogether) {
  const Failure failure = failure_of_text("train:\n  bach_size: 4096\n  epoch: 2\nmodl: {}\n");
  EXPECT_EQ(failure.exit_code, 78);
  EXPECT_THAT(failure.report, HasSubstr("x.yaml:2:3: error: unknown key 'bach_size' in 'train'\n"
                                        "    2 |   bach_size: 4096\n"
                                        "      |   ^~~~~~~~~\n"
                                        "  did you mean 'batch_size'?"));
  EXPECT_THAT(failure.report, HasSubstr("did you mean 'epochs'?"));
  EXPECT_THAT(failure.report, HasSubstr("did you mean 'model'?"));
}

TEST(Config, WrongTypesNameTheExpectedTypeAndRange) {
  const std::string report =
      failure_of_text(
          "train: {batch_size: many, epochs: -1, seed: 010, clip_norm: .nan}\n"
          "model: [dlrm]\n"
          "data: {train: {a: 1}, shuffle: yes}\n"
          "tables: {defaults: {dtype: fp8}}\n"
          "checkpoint: {every: soon}\n")
          .report;
  EXPECT_THAT(report, HasSubstr("train.batch_size: expected an integer from 1 to 16777216"));
  EXPECT_THAT(report, HasSubstr("train.epochs: expected an integer >= 1, got '-1'"));
  EXPECT_THAT(report, HasSubstr("train.seed: '010' is ambiguous"));
  EXPECT_THAT(report, HasSubstr("train.clip_norm: expected a number > 0, got '.nan'"));
  EXPECT_THAT(report, HasSubstr("model: expected a map, got a list"));
  EXPECT_THAT(report, HasSubstr("data.train: expected a list, got a map"));
  EXPECT_THAT(report, HasSubstr("data.shuffle: expected true or false, got 'yes'"));
  EXPECT_THAT(report, HasSubstr("tables.defaults.dtype: expected fp32, bf16 or fp16, got 'fp8'"));
  EXPECT_THAT(report, HasSubstr("checkpoint.every: expected a time such as 30s"));
}

TEST(Config, AlternativesAreChosenByName) {
  EXPECT_EQ(models::Dlrm::kName, alternative_name(with({}).model));
  const Config config = with({"model={name: deepfm, hidden: [8]}", "dense.optimizer=ftrl"});
  EXPECT_EQ(std::get<models::DeepFm>(config.model).hidden, std::vector<int>{8});
  EXPECT_EQ(config.dense.optimizer.name(), "ftrl");
  EXPECT_THAT(failure_of({.sets = {"dense.optimizer=adm"}}).report,
              HasSubstr("did you mean 'adam'?"));
  EXPECT_THAT(failure_of({.sets = {"model={name: deepfm, bottom: [8]}"}}).report,
              HasSubstr("unknown key 'bottom' in 'model'"));
}

TEST(Config, NamedTablesStartFromTheirGroup) {
  const Config config =
      with({"model.name=wide_deep", "tables.defaults.pooling=mean", "tables.wide.dtype=bf16",
            "tables.C3.dim=32", "tables.wide_C3.trainable=false"});
  EXPECT_EQ(config.tables.table("C3").dim, 32);
  EXPECT_EQ(config.tables.table("C3").pooling, embedding::Pooling::kMean);
  EXPECT_EQ(config.tables.table("C3").name, "C3");
  EXPECT_EQ(config.tables.table("C4").pooling, embedding::Pooling::kMean);
  EXPECT_EQ(config.tables.table("wide_C3").dim, 1);
  EXPECT_EQ(config.tables.table("wide_C3").dtype, kernels::DType::kBf16);
  EXPECT_FALSE(config.tables.table("wide_C3").trainable);
  EXPECT_EQ(config.tables.table("wide_C4").name, "wide_C4");
}

TEST(Config, PrecedenceIsDefaultFileEnvironmentSet) {
  const TemporaryFolder folder;
  const std::string path = folder.path_of("precedence.yaml");
  std::ofstream(path) << "train: {batch_size: 1, epochs: 2, seed: 3}\n";
  const LoadedConfig loaded = load_config(
      {.file = path,
       .environment = {{"STRATA_TRAIN__BATCH_SIZE", "10"}, {"STRATA_TRAIN__EPOCHS", "20"}},
       .sets = {"train.batch_size=100"}});
  EXPECT_EQ(loaded.config.train.batch_size, 100);
  EXPECT_EQ(loaded.config.train.epochs, 20);
  EXPECT_EQ(loaded.config.train.seed, 3u);
  EXPECT_EQ(loaded.origin({"train", "batch_size"}), "--set train.batch_size=100");
  EXPECT_EQ(loaded.origin({"train", "epochs"}), "environment STRATA_TRAIN__EPOCHS");
  EXPECT_EQ(loaded.origin({"train", "seed"}), path + ":1");
  EXPECT_EQ(loaded.origin({"train", "accumulate"}), "default");
}

TEST(Config, EnvironmentKeepsNamesOfTables) {
  const LoadedConfig loaded = load_config(
      {.environment = {{"STRATA_TABLES__C3__DIM", "16"}, {"STRATA_TABLES__WIDE__DTYPE", "bf16"}}});
  EXPECT_EQ(loaded.config.tables.by_name.count("C3"), 1u);
  EXPECT_EQ(loaded.config.tables.wide.dtype, kernels::DType::kBf16);
  EXPECT_THAT(failure_of({.environment = {{"STRATA_FOO", "1"}}}).report,
              HasSubstr("environment STRATA_FOO: error: unknown key 'foo'"));
}

TEST(Config, EnvironmentOfTheProcessLeavesDocumentedNamesOut) {
  setenv("STRATA_TEST_SWITCH", "1", 1);
  setenv("STRATA_TRAIN__SEED", "9", 1);
  const auto found = config_environment();
  unsetenv("STRATA_TRAIN__SEED");
  EXPECT_THAT(found, ::testing::Contains(::testing::Pair("STRATA_TRAIN__SEED", "9")));
  EXPECT_THAT(found, Not(::testing::Contains(::testing::Key("STRATA_TEST_SWITCH"))));
}

TEST(Config, BadSetOptionsAreReported) {
  EXPECT_THAT(failure_of({.sets = {"train.batch_size"}}).report, HasSubstr("expected key=value"));
  EXPECT_THAT(failure_of({.sets = {"train..x=1"}}).report, HasSubstr("expected key=value"));
  EXPECT_THAT(failure_of({.sets = {"data.columns=[{name: a}]", "data.columns.name=b"}}).report,
              HasSubstr("'data.columns' is a list: it can only be set whole"));
  EXPECT_THAT(failure_of({.sets = {"train.batch_size=[1"}}).report, HasSubstr("YAML syntax"));
}

TEST(Config, ContradictionsNameBothKeys) {
  EXPECT_THAT(failure_of({.sets = {"tables.defaults.dim=32"}}).report,
              AllOf(HasSubstr("model.bottom ends in 16"), HasSubstr("tables.defaults.dim")));
  EXPECT_THAT(failure_of({.sets = {"data.eval=x", "data.eval_fraction=0.1"}}).report,
              HasSubstr("data.eval_fraction and data.eval exclude each other"));
  EXPECT_THAT(failure_of({.sets = {"train.early_stopping={patience: 2}"}}).report,
              AllOf(HasSubstr("train.early_stopping"), HasSubstr("data.eval")));
  EXPECT_THAT(failure_of({.sets = {"train.chunks=6"}}).report, HasSubstr("a power of two, got 6"));
  EXPECT_THAT(failure_of({.sets = {"memory.limit=lots"}}).report, HasSubstr("memory.limit"));
  EXPECT_THAT(failure_of({.sets = {"model=wide_deep", "tables.wide.dim=2"}}).report,
              HasSubstr("--set tables.wide.dim=2: error: table 'wide_C1'"));
  EXPECT_THAT(failure_of({.sets = {"model.top=[8, 2]"}}).report, HasSubstr("model.top"));
  EXPECT_EQ(failure_of({.sets = {"train.chunks=6"}}).exit_code, 78);
  EXPECT_THAT(failure_of({.sets = {"device=cuda"}}).report, HasSubstr("auto or cpu"));
}

TEST(Config, WhatCannotBeExactIsRefused) {
  for (const std::string optimizer :
       {"{name: adam, mode: exact}", "{name: momentum, mode: exact}",
        "{name: rowwise_adam, mode: exact}", "{name: sgd, mode: exact, l2: 0.1}"}) {
    const std::string set = "tables.defaults.optimizer=" + optimizer;
    for (const char* type : {"bf16", "fp16"}) {
      const Failure refused =
          failure_of({.sets = {set, std::string("tables.defaults.dtype=") + type}});
      EXPECT_EQ(refused.exit_code, 78) << set;
      EXPECT_THAT(refused.report, AllOf(HasSubstr("mode exact needs dtype fp32"), HasSubstr(type)));
    }
    EXPECT_NO_THROW(with({set, "tables.defaults.dtype=fp32"}));
  }
  EXPECT_NO_THROW(with(
      {"tables.defaults.optimizer={name: adagrad, mode: exact}", "tables.defaults.dtype=bf16"}));
}

// F44: refused by checked arithmetic before anything is allocated.
TEST(Config, AbsurdSizesDoNotFit) {
  EXPECT_EQ(failure_of({.sets = {"tables.defaults.dim=0"}}).exit_code, 78);
  EXPECT_EQ(failure_of({.sets = {"tables.defaults.dim=2147483648"}}).exit_code, 78);
  EXPECT_EQ(failure_of({.sets = {"train.batch_size=9223372036854775808"}}).exit_code, 78);
  const Failure huge =
      failure_of({.sets = {"model.top=[400000000, 400000000, 1]", "memory.limit=16GiB"}});
  EXPECT_EQ(huge.exit_code, 71);
  EXPECT_THAT(huge.report, HasSubstr("needs 1.1 EiB at least, budget 16.0 GiB"));
  EXPECT_EQ(failure_of({.sets = {"data.window_blocks=65536", "data.block_bytes=256MiB"}}).exit_code,
            71);
}

TEST(Config, ChangedKeysSayWhatAResumeMayChange) {
  const Config before = with({});
  const Config after = with({"train.seed=2", "train.epochs=3", "tables.C3.default_row=1"});
  const std::vector<ChangedKey> changes = changed_keys(before, after);
  ASSERT_GE(changes.size(), 3u);
  for (const ChangedKey& change : changes) {
    if (change.key == "train.seed") {
      EXPECT_EQ(change.before, "1");
      EXPECT_EQ(change.after, "2");
    }
    const bool free = change.key == "train.epochs" || change.key.ends_with(".learning_rate") ||
                      change.key.find(".tiers.") != std::string::npos;
    EXPECT_EQ(change.on_resume == OnResume::kFree, free) << change.key;
  }
}

TEST(Config, LaterFailuresPointAtTheValue) {
  const LoadedConfig loaded = load_config({.sets = {"data.train=missing.tsv"}});
  try {
    loaded.located([] { throw_fault({{{"data", "train"}}, "no such file"}); });
    FAIL();
  } catch (const ConfigError& e) {
    EXPECT_STREQ(e.what(), "--set data.train=missing.tsv: error: no such file");
  }
}

// What eval and predict say of the config that lies in a run.
TEST(Config, AResolvedConfigKeepsThePlacesOfItsValues) {
  const std::string text = "model: {name: dlrm}\ndata:\n  eval: absent.tsv\n";
  const LoadedConfig loaded = load_resolved(text, "run/config.resolved.yaml");
  const Error fault = error_of([&] {
    loaded.located([] { throw_fault({{{"data", "eval"}}, "no such file"}); });
  });
  EXPECT_THAT(fault.what(), StartsWith("run/config.resolved.yaml:3:9: error: no such file\n"));
}

}  // namespace
}  // namespace strata::train
