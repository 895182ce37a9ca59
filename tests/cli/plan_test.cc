// `strata plan` and what a run says of itself before its first step.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>

#include "tests/cli/strata_process.h"
#include "tests/sanitized.h"

namespace strata::tests {
namespace {

using testing::HasSubstr;

constexpr const char* kConfig = "configs/dlrm_criteo_synthetic.yaml";

std::vector<std::string> small_run(const std::string& run) {
  return {"checkpoint.path=" + run,
          std::string("data.synthetic.rows=") + (kSanitized ? "4000" : "40000"),
          "train.batch_size=256",
          "train.threads=2",
          "model.bottom=[16, 16]",
          "model.top=[16, 1]"};
}

Outcome plan(const std::vector<std::string>& settings, const std::vector<std::string>& more = {}) {
  std::vector<std::string> arguments = {"plan", kConfig, "--json"};
  for (const std::string& setting : settings) {
    arguments.emplace_back("--set");
    arguments.push_back(setting);
  }
  arguments.insert(arguments.end(), more.begin(), more.end());
  return in_source(arguments);
}

TEST(PlanCommand, AnOrdinaryRunFits) {
  const ScratchFolder folder;
  const Outcome text = in_source({"plan", kConfig, "--declared"});
  ASSERT_EQ(text.exit_code, 0) << text.err;
  EXPECT_THAT(text.out, HasSubstr("tables in DRAM alone"));
  EXPECT_THAT(text.out, HasSubstr("1,800,000 rows, skew as declared"));
  const Outcome planned = plan(small_run(folder.path("run")));
  ASSERT_EQ(planned.exit_code, 0) << planned.err;
  EXPECT_TRUE(planned.json()["fits"].get<bool>());
  EXPECT_EQ(planned.json()["tables"].size(), 26u);
  EXPECT_FALSE(std::filesystem::exists(folder.path("run")));
}

TEST(PlanCommand, ARunOverAnSsdDoesWhatThePlanSaid) {
  const ScratchFolder folder;
  std::vector<std::string> settings = small_run(folder.path("run"));
  settings.insert(settings.end(),
                  {"tables.defaults.tiers.ssd.path=" + folder.path("ssd"),
                   "tables.defaults.tiers.ssd.memory=64MiB", "tables.defaults.tiers.dram=3MiB"});
  const Outcome planned = plan(settings);
  ASSERT_EQ(planned.exit_code, 0) << planned.err << planned.out;
  EXPECT_FALSE(std::filesystem::exists(folder.path("ssd")));
  const Outcome trained = in_source(train_command(kConfig, settings, {}));
  ASSERT_EQ(trained.exit_code, 0) << trained.err;
  EXPECT_THAT(trained.err, HasSubstr("plan: "));
  if (kSanitized) return;
  const auto run = trained.json();
  const auto hits = run["dram_hits"].get<double>();
  const auto misses = run["dram_misses"].get<double>();
  const auto ahead = run["ssd_fetched_ahead"].get<double>();
  const double missed = (misses + ahead) / (hits + misses);
  EXPECT_NEAR((1 - planned.json()["dram_hit_rate"].get<double>()) / missed, 1, 0.2);
  EXPECT_NEAR(planned.json()["rows"].get<double>() / run["table_rows"].get<double>(), 1, 0.02);
}

TEST(PlanCommand, AHistogramStandsForTheData) {
  const ScratchFolder folder;
  const std::vector<std::string> settings = small_run(folder.path("run"));
  const Outcome counted = plan(settings, {"--save-histogram", folder.path("keys.json")});
  ASSERT_EQ(counted.exit_code, 0) << counted.err;
  const Outcome read = plan(settings, {"--histogram", folder.path("keys.json")});
  ASSERT_EQ(read.exit_code, 0) << read.err;
  EXPECT_EQ(read.json(), counted.json());
  folder.write("none.json", "{}");
  EXPECT_EQ(plan(settings, {"--histogram", folder.path("none.json")}).exit_code, 65);
  EXPECT_EQ(plan(settings, {"--histogram", folder.path("absent.json")}).exit_code, 66);
}

TEST(PlanCommand, WhatCannotFitExitsWith71) {
  const ScratchFolder folder;
  std::vector<std::string> settings = small_run(folder.path("run"));
  settings.emplace_back("memory.limit=100MiB");
  settings[1] = "data.synthetic.rows=20000000";
  const Outcome planned = plan(settings, {"--declared"});
  EXPECT_EQ(planned.exit_code, 71) << planned.out;
  EXPECT_FALSE(planned.json()["fits"].get<bool>());
  EXPECT_THAT(planned.json()["refusals"][0].get<std::string>(), HasSubstr("memory.limit="));
}

TEST(PlanCommand, ConfigErrorsHaveAPlace) {
  const ScratchFolder folder;
  folder.write("bad.yaml", "train:\n  bach_size: 3\n");
  const Outcome outcome = run_strata({"plan", folder.path("bad.yaml")});
  EXPECT_EQ(outcome.exit_code, 78);
  EXPECT_THAT(outcome.err, HasSubstr("bad.yaml:2:3: error:"));
}

}  // namespace
}  // namespace strata::tests
