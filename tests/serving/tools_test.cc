// verify, inspect, diff and golden requests over exports on the disk.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "serving/diff.h"
#include "serving/export.h"
#include "serving/golden.h"
#include "serving/inspect.h"
#include "serving/score.h"
#include "serving/verify.h"
#include "storage/publication.h"
#include "tests/error_of.h"
#include "tests/serving/trained_network.h"
#include "tests/temporary_folder.h"

namespace strata::serving {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class Tools : public testing::Test {
 protected:
  Tools() : files_(storage::open_file_system(folder_.path(), storage::IfAbsent::kFail)) {}

  void write(uint32_t steps) {
    const auto network = trained_network(small_config(small_models()[1]), steps, pool_);
    const ExportSource source{.network = *network,
                              .schema = schema_,
                              .step = steps,
                              .samples = 32 * steps,
                              .metrics = {}};
    export_network(*files_, source, {}, pool_);
  }
  std::string path(const std::string& name) const { return folder_.path() + "/" + name; }

  ThreadPool pool_{1};
  data::Schema schema_ = small_schema();
  TemporaryFolder folder_;
  std::unique_ptr<storage::FileSystem> files_;
};

TEST_F(Tools, VerifyFindsNothingWrongWithAnExport) {
  write(3);
  write(4);
  const VerifyReport report = verify(folder_.path());
  EXPECT_TRUE(report.intact()) << to_text(report);
  ASSERT_EQ(report.directories.size(), 2u);
  EXPECT_EQ(report.directories[1].kind, "export");
  EXPECT_EQ(report.directories[1].step, 4);
  EXPECT_TRUE(report.directories[1].current);
  EXPECT_TRUE(verify(path("v000001")).intact());
}

TEST_F(Tools, VerifyNamesTheDamagedFile) {
  write(3);
  std::ofstream(path("v000001/golden.jsonl"), std::ios::app) << "\n";
  const VerifyReport report = verify(folder_.path());
  EXPECT_FALSE(report.intact());
  EXPECT_THAT(to_text(report), HasSubstr("golden.jsonl: truncated"));
  EXPECT_EQ(to_json(report)["directories"][0]["findings"][0]["file"], "golden.jsonl");
}

TEST_F(Tools, VerifySeesALinkInPlaceOfAFile) {
  write(3);
  std::filesystem::rename(path("v000001/golden.jsonl"), path("elsewhere"));
  std::filesystem::create_symlink("../elsewhere", path("v000001/golden.jsonl"));
  const VerifyReport report = verify(path("v000001"));
  ASSERT_EQ(report.directories[0].findings.size(), 1u);
  EXPECT_EQ(report.directories[0].findings[0].damage, storage::Damage::kNotRegular);
  EXPECT_THROW(load_export(*files_, "v000001"), Error);
}

TEST_F(Tools, InspectAndDiffRefuseAFlippedBit) {
  write(3);
  write(4);
  for (const storage::Entry& entry : storage::list_tree(*files_, "v000001")) {
    if (entry.kind != storage::EntryKind::kFile) continue;
    SCOPED_TRACE(entry.name);
    std::fstream file(path("v000001/" + entry.name),
                      std::ios::in | std::ios::out | std::ios::binary);
    file.seekg(entry.bytes - 2);
    const char before = static_cast<char>(file.get());
    const auto put = [&](char byte) {
      file.seekp(entry.bytes - 2);
      file.put(byte).flush();
    };
    put(static_cast<char>(before ^ 1));
    const auto code = [](const auto& body) { return error_of(body).code(); };
    EXPECT_EQ(code([&] { inspect(path("v000001")); }), ErrorCode::kCorrupt);
    EXPECT_EQ(code([&] { diff(path("v000001"), path("v000002")); }), ErrorCode::kCorrupt);
    put(before);
  }
  EXPECT_NO_THROW(inspect(path("v000001")));
}

TEST_F(Tools, VerifyReportsOrphansAndLeftoversWithoutCallingThemDamage) {
  write(3);
  write(4);
  storage::write_current(*files_, "v000001");
  const std::string leftover = storage::temporary_of("v000003");
  std::filesystem::create_directory(path(leftover));
  std::filesystem::create_directory(path(".tmp-mine"));
  const VerifyReport report = verify(folder_.path());
  EXPECT_TRUE(report.intact());
  EXPECT_THAT(report.orphans, ElementsAre("v000002"));
  EXPECT_THAT(report.leftovers, ElementsAre(leftover));
}

TEST_F(Tools, VerifySaysWhatIsUsableWhenCurrentIsLost) {
  write(3);
  std::filesystem::remove(path("CURRENT"));
  const VerifyReport report = verify(folder_.path());
  EXPECT_FALSE(report.intact());
  EXPECT_THAT(report.current_problem, HasSubstr("usable: v000001"));
}

TEST_F(Tools, ADirectoryWithoutManifestIsDamage) {
  write(3);
  std::filesystem::remove(path("v000001/manifest.json"));
  EXPECT_FALSE(verify(folder_.path()).intact());
}

TEST_F(Tools, AnEmptyFolderIsMissing) {
  try {
    verify(folder_.path());
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kMissing);
  }
}

TEST_F(Tools, InspectCountsRowsAndNorms) {
  write(5);
  const Inspection inspection = inspect(folder_.path());
  EXPECT_EQ(inspection.kind, "export");
  EXPECT_EQ(inspection.step, 5);
  ASSERT_EQ(inspection.tables.size(), 6u);
  const TableFigures& table = inspection.tables[0];
  EXPECT_EQ(table.name, "C1");
  EXPECT_EQ(table.dim, 4);
  EXPECT_GT(table.rows, 50);
  EXPECT_GT(table.mean_norm, 0);
  EXPECT_GE(table.max_norm, table.mean_norm);
  EXPECT_EQ(
      inspection.tensors.size(),
      trained_network(small_config(small_models()[1]), 0, pool_)->parameters().tensors().size());
  EXPECT_THAT(to_text(inspection), HasSubstr("wide_C1"));
  EXPECT_EQ(to_json(inspection)["tables"][0]["rows"], table.rows);
}

TEST_F(Tools, InspectCallsAMissingFileDamage) {
  write(3);
  std::filesystem::remove(path("v000001/golden.jsonl"));
  try {
    inspect(folder_.path());
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kCorrupt);
    EXPECT_THAT(e.what(), HasSubstr("golden.jsonl: missing"));
  }
}

TEST_F(Tools, DiffOfTheSameTrainingIsEqual) {
  write(3);
  write(3);
  const DiffReport report = diff(path("v000001"), path("v000002"));
  EXPECT_TRUE(report.equal()) << to_text(report);
  EXPECT_GT(report.tables[0].equal_rows, 50);
}

TEST_F(Tools, DiffCountsWhatDiffers) {
  write(3);
  write(4);
  const DiffReport report = diff(path("v000001"), path("v000002"));
  EXPECT_FALSE(report.equal());
  EXPECT_GT(report.tables[0].only_second, 0);
  EXPECT_GT(report.tables[0].equal_rows, 0);
  EXPECT_GT(report.tables[0].different_rows, 0);
  EXPECT_GT(report.tables[0].max_abs, 0);
  EXPECT_THAT(to_text(report), HasSubstr("table C1"));
  EXPECT_EQ(to_json(report)["equal"], false);
}

TEST_F(Tools, GoldenRequestsAreReadBack) {
  const auto network = trained_network(small_config(small_models()[0]), 3, pool_);
  const Batch batch = make_golden_batch(*network, schema_);
  Scorer scorer(*network, 4, pool_);
  const auto logits = scorer.score(batch);
  EXPECT_GT(scorer.counts().defaulted, 0);  // some keys are unseen
  const std::string text = golden_text(batch, logits, schema_);
  const GoldenRequests golden = parse_golden(text, schema_);
  EXPECT_EQ(golden.batch.ids, batch.ids);
  EXPECT_EQ(golden.batch.offsets, batch.offsets);
  EXPECT_TRUE(std::ranges::equal(golden.batch.dense, batch.dense));
  EXPECT_EQ(replay_golden(*network, golden, pool_), 0);
  for (const char* bad : {"{}", "x", "[]", "{\"dense\":1,\"ids\":2,\"logit\":3}"}) {
    EXPECT_THROW(parse_golden(bad, schema_), Error) << bad;
  }
}

TEST_F(Tools, AChangedWeightFailsTheReplay) {
  const auto network = trained_network(small_config(small_models()[0]), 3, pool_);
  const Batch batch = make_golden_batch(*network, schema_);
  Scorer scorer(*network, 4, pool_);
  const GoldenRequests golden =
      parse_golden(golden_text(batch, scorer.score(batch), schema_), schema_);
  auto& parameters = network->parameters();
  for (float& w : parameters.weights(parameters.tensors()[0])) w += 0.1f;
  parameters.weights_changed();
  EXPECT_GT(replay_golden(*network, golden, pool_), 1e-3);
}

TEST(PredictionWriter, WritesTheIdOrTheRowNumber) {
  std::ostringstream out;
  PredictionWriter writer(out);
  Batch batch;
  batch.size = 2;
  const std::vector<float> logits = {0, 100};
  writer(batch, logits);
  batch.sample_ids = {"a", "b"};
  writer(batch, logits);
  EXPECT_EQ(out.str(), "0\t0.5\n1\t1\na\t0.5\nb\t1\n");
}

TEST(PredictionWriter, AnIdStaysOneField) {
  std::ostringstream out;
  PredictionWriter writer(out);
  Batch batch;
  batch.size = 2;
  batch.sample_ids = {"u\t9", "c:\\x\n"};
  writer(batch, std::vector<float>{0, 0});
  EXPECT_EQ(out.str(), "u\\t9\t0.5\nc:\\\\x\\n\t0.5\n");
}

}  // namespace
}  // namespace strata::serving
