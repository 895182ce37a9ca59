// Tables over an SSD, from the command line.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/cli/strata_process.h"
#include "tests/sanitized.h"

namespace strata::tests {
namespace {

using testing::HasSubstr;

/// Trains the synthetic DLRM into `run` with `settings` beside the usual ones.
Outcome train_tiers(const std::string& run, std::vector<std::string> settings,
                    const std::vector<std::string>& more = {}) {
  settings.insert(
      settings.begin(),
      {"checkpoint.path=" + run,
       std::string("data.synthetic.rows=") + (kSanitized ? "10000" : "40000"),
       "train.batch_size=256", "train.threads=2", "model.bottom=[16, 16]", "model.top=[16, 1]"});
  return in_source(train_command("configs/dlrm_criteo_synthetic.yaml", settings, more));
}

std::vector<std::string> over_ssd(const std::string& folder) {
  return {"tables.defaults.tiers.ssd.path=" + folder, "tables.defaults.tiers.ssd.memory=64MiB",
          "tables.defaults.tiers.dram=2MiB", "tables.defaults.optimizer.l2=1e-6",
          "tables.defaults.optimizer.mode=exact"};
}

TEST(TiersCommand, AModelOverAnSsdIsTheModelInDram) {
  const ScratchFolder folder;
  const std::string steps = "train.max_steps=" + std::to_string(kSanitized ? 20 : 80);
  std::vector<std::string> tiers = over_ssd(folder.path("ssd"));
  tiers.push_back(steps);
  const Outcome few = train_tiers(folder.path("few"), tiers);
  ASSERT_EQ(few.exit_code, 0) << few.err;
  EXPECT_GT(few.json()["ssd_fetched"].get<int64_t>(), 0) << few.out;
  EXPECT_GT(few.json()["dram_evicted"].get<int64_t>(), 0) << few.out;
  const Outcome all = train_tiers(folder.path("all"), {steps, "tables.defaults.optimizer.l2=1e-6",
                                                       "tables.defaults.optimizer.mode=exact"});
  ASSERT_EQ(all.exit_code, 0) << all.err;
  EXPECT_FALSE(all.json().contains("ssd_fetched"));
  const Outcome difference = run_strata({"diff", folder.path("few"), folder.path("all")});
  EXPECT_EQ(difference.exit_code, 0) << difference.out;
  EXPECT_FALSE(std::filesystem::exists(folder.path("ssd/rocksdb"))) << "the SSD is emptied";
  ASSERT_EQ(run_strata({"export", folder.path("few"), folder.path("exports")}).exit_code, 0);
}

TEST(TiersCommand, AResumedRunMayHaveOtherTiers) {
  const ScratchFolder folder;
  std::vector<std::string> tiers = over_ssd(folder.path("ssd"));
  tiers.emplace_back("train.max_steps=15");
  ASSERT_EQ(train_tiers(folder.path("run"), tiers).exit_code, 0);
  tiers.back() = "train.max_steps=30";
  tiers[2] = "tables.defaults.tiers.dram=3MiB";
  const Outcome resumed = train_tiers(folder.path("run"), tiers, {"--resume", "auto"});
  ASSERT_EQ(resumed.exit_code, 0) << resumed.err;
  const Outcome whole =
      train_tiers(folder.path("whole"), {"train.max_steps=30", "tables.defaults.optimizer.l2=1e-6",
                                         "tables.defaults.optimizer.mode=exact"});
  ASSERT_EQ(whole.exit_code, 0) << whole.err;
  EXPECT_EQ(run_strata({"diff", folder.path("run"), folder.path("whole")}).exit_code, 0);
}

TEST(TiersCommand, IncrementalCheckpointsAreTheRunAndLeaveItGoOn) {
  const ScratchFolder folder;
  std::vector<std::string> tiers = over_ssd(folder.path("ssd"));
  tiers.insert(tiers.end(),
               {"checkpoint.full_every=4", "checkpoint.every_steps=4", "train.max_steps=22"});
  ASSERT_EQ(train_tiers(folder.path("run"), tiers).exit_code, 0);
  const Outcome inspected = run_strata({"inspect", folder.path("run"), "--json"});
  ASSERT_EQ(inspected.exit_code, 0) << inspected.err;
  EXPECT_EQ(inspected.json()["step"], 22);
  tiers.back() = "train.max_steps=30";
  const Outcome resumed = train_tiers(folder.path("run"), tiers, {"--resume", "auto"});
  ASSERT_EQ(resumed.exit_code, 0) << resumed.err;
  EXPECT_EQ(run_strata({"verify", folder.path("run")}).exit_code, 0);
  const Outcome whole =
      train_tiers(folder.path("whole"), {"train.max_steps=30", "tables.defaults.optimizer.l2=1e-6",
                                         "tables.defaults.optimizer.mode=exact"});
  ASSERT_EQ(whole.exit_code, 0) << whole.err;
  const Outcome same = run_strata({"diff", folder.path("run"), folder.path("whole")});
  EXPECT_EQ(same.exit_code, 0) << same.out;
  ASSERT_EQ(run_strata({"export", folder.path("run"), folder.path("a")}).exit_code, 0);
  ASSERT_EQ(run_strata({"export", folder.path("whole"), folder.path("b")}).exit_code, 0);
  EXPECT_EQ(run_strata({"diff", folder.path("a"), folder.path("b")}).exit_code, 0);
}

TEST(TiersCommand, AnSsdThatIsFullEndsTheRunWithACheckpointToGoOnFrom) {
  const ScratchFolder folder;
  std::vector<std::string> tiers = over_ssd(folder.path("ssd"));
  tiers[2] = "tables.defaults.tiers.dram=8MiB";
  tiers.emplace_back("train.max_steps=60");
  tiers.emplace_back("tables.defaults.dim=64");
  tiers.emplace_back("model.bottom=[16, 64]");
  tiers.emplace_back("tables.defaults.tiers.ssd.bytes=4MiB");
  const Outcome full = train_tiers(folder.path("run"), tiers);
  ASSERT_EQ(full.exit_code, 74) << full.err;
  EXPECT_THAT(full.err, HasSubstr("tiers.ssd.bytes"));
  EXPECT_THAT(full.err, HasSubstr("The last good checkpoint is checkpoint-000001"));
  EXPECT_EQ(run_strata({"verify", folder.path("run")}).exit_code, 0);
  if (kSanitized) return;  // the rest would take minutes
  tiers.back() = "tables.defaults.tiers.ssd.bytes=4GiB";
  const Outcome resumed = train_tiers(folder.path("run"), tiers, {"--resume", "auto"});
  ASSERT_EQ(resumed.exit_code, 0) << resumed.err;
  const Outcome whole = train_tiers(folder.path("whole"), {tiers.begin() + 3, tiers.end() - 1});
  ASSERT_EQ(whole.exit_code, 0) << whole.err;
  EXPECT_EQ(run_strata({"diff", folder.path("run"), folder.path("whole")}).exit_code, 0);
}

TEST(TiersCommand, WhatCannotBeIsRefusedBeforeARowIsMade) {
  const ScratchFolder folder;
  const Outcome no_ssd = train_tiers(folder.path("a"), {"tables.defaults.tiers.dram=2MiB"});
  EXPECT_EQ(no_ssd.exit_code, 78);
  EXPECT_THAT(no_ssd.err, HasSubstr("tiers.ssd.path"));
  std::vector<std::string> large = over_ssd(folder.path("ssd"));
  large[2] = "tables.defaults.tiers.dram=4GiB";
  large.emplace_back("memory.limit=1GiB");
  const Outcome too_large = train_tiers(folder.path("b"), large);
  EXPECT_EQ(too_large.exit_code, 71);
  EXPECT_THAT(too_large.err, HasSubstr("tiers.dram 4.0 GiB"));
  EXPECT_FALSE(std::filesystem::exists(folder.path("ssd")));
  std::filesystem::create_directory(folder.path("mine"));
  folder.write("mine/notes.txt", "mine");
  const std::vector<std::string> mine = over_ssd(folder.path("mine"));
  const Outcome not_ours = train_tiers(folder.path("c"), mine);
  EXPECT_EQ(not_ours.exit_code, 78);
  EXPECT_THAT(not_ours.err, HasSubstr("notes.txt"));
  EXPECT_TRUE(std::filesystem::exists(folder.path("mine/notes.txt")));
}

}  // namespace
}  // namespace strata::tests
