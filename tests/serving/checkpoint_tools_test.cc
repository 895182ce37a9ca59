// verify, inspect and diff over checkpoints on the disk, and the way from a checkpoint to an
// export.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "serving/diff.h"
#include "serving/export.h"
#include "serving/inspect.h"
#include "serving/score.h"
#include "serving/verify.h"
#include "storage/publication.h"
#include "tests/serving/trained_network.h"
#include "tests/temporary_folder.h"
#include "train/checkpoint.h"

namespace strata::serving {
namespace {

using testing::HasSubstr;

class CheckpointTools : public testing::Test {
 protected:
  CheckpointTools() : files_(storage::open_file_system(folder_.path(), storage::IfAbsent::kFail)) {}

  /// Trains `steps` updates and saves them; returns the path of the checkpoint.
  std::string save(uint32_t steps) {
    network_ = trained_network(small_config(small_models()[0]), steps, pool_);
    train::CheckpointText text;
    text.state.step = steps;
    text.state.samples = 32 * steps;
    text.schema = data::to_json(small_schema());
    text.metrics = {{"auc", 0.5}};
    train::CheckpointCut cut =
        train::take_cut(network_->collection(), network_->parameters(), std::move(text));
    return folder_.path() + "/" + train::save_checkpoint(*files_, cut, {});
  }

  ThreadPool pool_{1};
  TemporaryFolder folder_;
  std::unique_ptr<storage::FileSystem> files_;
  std::unique_ptr<models::Network> network_;
};

TEST_F(CheckpointTools, VerifyKnowsARunAndACheckpoint) {
  const std::string path = save(3);
  EXPECT_TRUE(verify(folder_.path()).intact());
  const VerifyReport report = verify(path);
  EXPECT_TRUE(report.intact());
  EXPECT_EQ(report.directories[0].kind, "checkpoint");
  EXPECT_EQ(report.directories[0].step, 3);
  std::ofstream(path + "/trainer.json", std::ios::app) << " ";
  EXPECT_THAT(to_text(verify(folder_.path())), HasSubstr("trainer.json: truncated"));
}

TEST_F(CheckpointTools, InspectTellsRowsOptimizersAndState) {
  save(3);
  const Inspection inspection = inspect(folder_.path());
  EXPECT_EQ(inspection.kind, "checkpoint");
  EXPECT_EQ(inspection.samples, 96);
  EXPECT_EQ(inspection.metrics["auc"], 0.5);
  ASSERT_EQ(inspection.tables.size(), 3u);
  EXPECT_EQ(inspection.tables[0].optimizer, "rowwise_adagrad");
  EXPECT_EQ(inspection.tables[0].rows, network_->collection().usage(0).rows);
  EXPECT_GT(inspection.tables[0].mean_norm, 0);
}

TEST_F(CheckpointTools, DiffSeesTheSameAndTheOther) {
  const std::string three = save(3);
  const std::string again = save(3);
  const std::string four = save(4);
  EXPECT_TRUE(diff(three, again).equal());
  const DiffReport report = diff(three, four);
  EXPECT_FALSE(report.equal());
  EXPECT_GT(report.tables[0].different_rows, 0);
  EXPECT_LT(report.tables[0].example_id, 300u);  // as the user gave it
}

TEST_F(CheckpointTools, ACheckpointIsNotComparedWithAnExport) {
  const std::string path = save(3);
  const data::Schema schema = small_schema();
  const auto exports = storage::open_file_system(folder_.path() + "/e", storage::IfAbsent::kCreate);
  export_network(*exports,
                 {.network = *network_, .schema = schema, .step = 3, .samples = 96, .metrics = {}},
                 {}, pool_);
  try {
    diff(path, folder_.path() + "/e");
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kUsage);
  }
}

TEST_F(CheckpointTools, ALoadedCheckpointExportsTheSameAsTheRun) {
  save(5);
  const auto loaded = std::make_unique<models::Network>(small_config(small_models()[0]));
  const train::CheckpointHead head = train::open_current_checkpoint(*files_);
  train::load_checkpoint(*files_, head.name, loaded->collection(), loaded->parameters(), {});
  const data::Schema schema = data::schema_from_json(head.text.schema);
  const std::string folder = folder_.path() + "/e";
  const auto exports = storage::open_file_system(folder, storage::IfAbsent::kCreate);
  for (models::Network* network : {network_.get(), loaded.get()}) {
    export_network(*exports,
                   {.network = *network, .schema = schema, .step = 5, .samples = 0, .metrics = {}},
                   {}, pool_);
  }
  const DiffReport report = diff(folder + "/v000001", folder + "/v000002");
  EXPECT_TRUE(report.equal()) << to_text(report);
}

}  // namespace
}  // namespace strata::serving
