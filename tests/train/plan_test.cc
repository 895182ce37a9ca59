// Plans of whole runs against the tables of such runs.
#include "train/plan.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/config_fault.h"
#include "data/schema.h"
#include "tests/error_of.h"
#include "tests/sanitized.h"
#include "tests/temporary_folder.h"
#include "train/memory_limit.h"
#include "train/model_setup.h"
#include "train/plan_basis.h"
#include "train/plan_report.h"

namespace strata::train {
namespace {

constexpr int64_t kLimit = int64_t{4} << 30;

Config generated(int64_t rows) {
  Config config;
  config.model = models::Dlrm{.bottom = {16, 16}, .top = {16, 1}};
  config.data.format = data::Format::kSynthetic;
  config.data.synthetic.rows = rows;
  config.train.batch_size = 512;
  config.train.threads = 2;
  config.memory.limit = "4GiB";
  return config;
}

/// Looks up every key of the training data, as a run does.
std::unique_ptr<models::Network> fill(const Config& config, const data::Schema& schema) {
  auto network = make_network(config, schema, ModelUse::kTrain);
  const auto reader = make_train_reader(config, schema);
  ThreadPool pool(2);
  embedding::Collection& tables = network->collection();
  tables.reserve_for_cuts(config.checkpoint.reserve.percent / 100);
  const std::vector<float> gradient(config.train.batch_size * tables.out_width());
  Batch batch;
  embedding::KeyedBatch keys;
  for (uint32_t step = 1; reader->next(batch); ++step) {
    tables.prepare(batch, keys, pool);
    tables.look_up(keys, embedding::LookUpMode::kTrain, step, pool);
    tables.reduce_gradients(keys, gradient.data(), tables.out_width(), batch.chunk_begin, pool);
    tables.apply(keys, step, 1, pool);
  }
  return network;
}

struct Compared {
  Config config;
  data::Schema schema;
  Plan plan;
  std::unique_ptr<models::Network> network;
};

Compared compared(const Config& config, const BasisRequest& request) {
  Compared out{
      .config = config, .schema = data::fit_schema(config.data), .plan = {}, .network = {}};
  out.plan = make_plan(config, out.schema, plan_basis(config, out.schema, request));
  out.network = fill(config, out.schema);
  return out;
}

void expect_within(double planned, double measured, double share, const std::string& what) {
  EXPECT_NEAR(planned / measured, 1, share) << what << ": " << planned << " for " << measured;
}

TEST(Plan, TablesInDramTakeWhatItSays) {
  const Compared run = compared(generated(kSanitized ? 4'000 : 60'000), {});
  if (kSanitized) return;
  const embedding::Collection& tables = run.network->collection();
  ASSERT_EQ(std::ssize(run.plan.tables), tables.tables());
  double bytes = 0;
  double rows = 0;
  for (int t = 0; t < tables.tables(); ++t) {
    const embedding::TableUsage usage = tables.usage(t);
    const TablePlan& plan = run.plan.tables[t];
    EXPECT_EQ(plan.config.name, tables.config(t).name);
    expect_within(*plan.rows, static_cast<double>(usage.rows), 0.02, plan.config.name + " rows");
    expect_within(*plan.dram_bytes, static_cast<double>(usage.bytes()), 0.05, plan.config.name);
    bytes += static_cast<double>(usage.bytes());
    rows += static_cast<double>(usage.rows);
  }
  expect_within(run.plan.memory.tables, bytes, 0.05, "all tables");
  EXPECT_TRUE(run.plan.rows_known);
  EXPECT_EQ(run.plan.steps, 118);
}

TEST(Plan, PartOfTheDataTellsOfAllOfIt) {
  if (kSanitized) GTEST_SKIP() << "an estimate of many rows";
  const Compared run = compared(generated(60'000), {.count_rows = 15'000});
  double rows = 0;
  double planned = 0;
  for (int t = 0; t < run.network->collection().tables(); ++t) {
    rows += static_cast<double>(run.network->collection().usage(t).rows);
    planned += *run.plan.tables[t].rows;
  }
  expect_within(planned, rows, 0.05, "all rows");
}

TEST(Plan, TheDeclaredSkewIsThatOfTheGenerator) {
  if (kSanitized) GTEST_SKIP() << "an estimate of many rows";
  const Compared run = compared(generated(60'000), {.declared = true});
  double rows = 0;
  double planned = 0;
  for (int t = 0; t < run.network->collection().tables(); ++t) {
    const auto of_table = static_cast<double>(run.network->collection().usage(t).rows);
    expect_within(*run.plan.tables[t].rows, of_table, 0.1, run.plan.tables[t].config.name);
    rows += of_table;
    planned += *run.plan.tables[t].rows;
  }
  expect_within(planned, rows, 0.05, "all rows");
}

TEST(Plan, TablesOverAnSsdMissWhatItSays) {
  const TemporaryFolder folder;
  Config config = generated(kSanitized ? 4'000 : 60'000);
  config.tables.defaults.tiers = {
      .dram = Bytes{4 << 20},
      .ssd = embedding::SsdTierConfig{
          .path = folder.path() + "/ssd", .memory = {64 << 20}, .direct_io = false}};
  const Compared run = compared(config, {});
  if (kSanitized) return;
  const embedding::Collection& tables = run.network->collection();
  double hits = 0, misses = 0, asked = 0, missed = 0, bytes = 0, planned_bytes = 0;
  for (int t = 0; t < tables.tables(); ++t) {
    const embedding::TableUsage usage = tables.usage(t);
    const TablePlan& plan = run.plan.tables[t];
    ASSERT_TRUE(plan.cache);
    const auto of_table = static_cast<double>(usage.counts.misses);
    const auto keys = static_cast<double>(usage.counts.hits + usage.counts.misses);
    expect_within(plan.cache->misses / plan.cache->asked, of_table / keys, 0.2,
                  plan.config.name + " misses");
    // Of a small table pages are more than 5 %.
    const auto of_rows = static_cast<double>(usage.bytes());
    EXPECT_NEAR(*plan.dram_bytes, of_rows, std::max(0.05 * of_rows, 3.0 * 4096))
        << plan.config.name;
    hits += keys - of_table;
    misses += of_table;
    asked += plan.cache->asked;
    missed += plan.cache->misses;
    bytes += static_cast<double>(usage.bytes());
    planned_bytes += *plan.dram_bytes;
  }
  expect_within(asked, hits + misses, 0.01, "keys asked for");
  expect_within(missed / asked, misses / (hits + misses), 0.03, "all misses");
  expect_within(planned_bytes, bytes, 0.05, "DRAM");
  EXPECT_GT(run.plan.disk.written_per_step, 0);
}

TEST(Plan, WithoutDataACsvTableIsNotKnown) {
  Config config;
  config.data.format = data::Format::kCsv;
  config.data.csv.fields = {"label", "a", "x"};
  config.data.csv.header = false;
  config.data.columns = {{.name = "label", .type = data::ColumnType::kLabel},
                         {.name = "a"},
                         {.name = "x", .type = data::ColumnType::kNumeric}};
  config.model = models::WideDeep{.hidden = {4}};
  const data::Schema schema = data::make_schema(config.data);
  const Plan plan = make_plan(config, schema, plan_basis(config, schema, {}));
  EXPECT_FALSE(plan.rows_known);
  EXPECT_FALSE(plan.tables[0].rows);
  EXPECT_TRUE(to_json(plan)["tables"][0]["rows"].is_null());
  EXPECT_NE(format_plan(plan).find("--histogram"), std::string::npos);
  EXPECT_NE(plan_line(plan).find("at least"), std::string::npos);
}

TEST(Plan, WhatCannotFitNamesChangesThatDo) {
  Config config = generated(2'000'000);
  config.model = models::WideDeep{.hidden = {16}};
  const data::Schema schema = data::fit_schema(config.data);
  const PlanBasis basis{.data_rows = 2'000'000, .limit_bytes = 400 << 20};
  const Plan plan = make_plan(config, schema, basis);
  ASSERT_GT(plan.memory.peak(), static_cast<double>(basis.limit_bytes));
  const auto found = refusals(config, schema, basis, plan);
  ASSERT_EQ(found.size(), 1u);
  EXPECT_NE(found[0].find("memory.limit="), std::string::npos) << found[0];
  const std::string change = "tables.defaults.dim=";
  ASSERT_NE(found[0].find(change), std::string::npos) << found[0];
  config.tables.defaults.dim = std::stoi(found[0].substr(found[0].find(change) + change.size()));
  EXPECT_TRUE(refusals(config, schema, basis, make_plan(config, schema, basis)).empty());
}

TEST(Plan, ABudgetThatOneBatchFillsIsRefused) {
  Config config = generated(2'000'000);
  config.train.batch_size = 65'536;
  config.tables.defaults.tiers.dram = Bytes{8 << 20};
  config.tables.defaults.tiers.ssd = embedding::SsdTierConfig{.path = "ssd"};
  const data::Schema schema = data::fit_schema(config.data);
  const PlanBasis basis{.data_rows = 2'000'000, .limit_bytes = kLimit};
  const auto found = refusals(config, schema, basis, make_plan(config, schema, basis));
  ASSERT_EQ(found.size(), 1u);
  EXPECT_NE(found[0].find("tables.defaults.tiers.dram="), std::string::npos) << found[0];
}

TEST(Plan, BudgetsAboveTheLimitAreRefusedByName) {
  Config config = generated(1000);
  config.tables.defaults.tiers.dram = Bytes{int64_t{8} << 30};
  config.tables.defaults.tiers.ssd = embedding::SsdTierConfig{.path = "ssd"};
  const data::Schema schema = data::fit_schema(config.data);
  const auto tables = plan_network(config, schema).tables;
  EXPECT_NO_THROW(require_tiers_fit(tables, int64_t{16} << 30));
  const Error error = error_of([&] { require_tiers_fit(tables, kLimit); });
  EXPECT_EQ(error.code(), ErrorCode::kResource);
  EXPECT_NE(std::string(error.what()).find("tiers.dram 8.0 GiB"), std::string::npos);
}

}  // namespace
}  // namespace strata::train
