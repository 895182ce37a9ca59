#include "serving/export.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "serving/score.h"
#include "storage/npy.h"
#include "storage/publication.h"
#include "tests/sanitized.h"
#include "tests/serving/trained_network.h"
#include "tests/storage/faulty_file_system.h"
#include "tests/storage/memory_file_system.h"

namespace strata::serving {
namespace {

using storage::FaultyFileSystem;
using storage::MemoryFileSystem;
using testing::HasSubstr;

constexpr uint32_t kSteps = 8;

class Exports : public testing::Test {
 protected:
  ExportReport write(storage::FileSystem& files, const ExportOptions& options = {}) {
    const ExportSource source{.network = *network_,
                              .schema = schema_,
                              .step = kSteps,
                              .samples = 256,
                              .metrics = {{"auc", 0.7}}};
    return export_network(files, source, options, pool_);
  }
  void train(const models::ModelVariant& model, const NetworkOptions& options = {}) {
    network_ = trained_network(small_config(model, options), kSteps, pool_);
  }
  std::vector<float> logits(models::Network& network, const Batch& batch) {
    Scorer scorer(network, kSteps + 1, pool_);
    const auto logits = scorer.score(batch);
    return {logits.begin(), logits.end()};
  }

  ThreadPool pool_{1};
  data::Schema schema_ = small_schema();
  std::unique_ptr<models::Network> network_;
  MemoryFileSystem files_;
};

class EveryModel : public Exports, public testing::WithParamInterface<size_t> {};
INSTANTIATE_TEST_SUITE_P(Models, EveryModel, testing::Range(size_t{0}, small_models().size()));

TEST_P(EveryModel, ScoresAsItDidBefore) {
  train(small_models()[GetParam()]);
  const ExportReport report = write(files_);
  EXPECT_EQ(report.version, "v000001");
  EXPECT_EQ(report.golden_error, 0);
  const LoadedExport loaded = load_export(files_, "v000001");
  EXPECT_EQ(loaded.step, kSteps);
  EXPECT_EQ(loaded.schema.digest(), schema_.digest());
  const Batch batch = random_batch(99, 200, 500);  // with keys it has never seen
  EXPECT_EQ(logits(*loaded.network, batch), logits(*network_, batch));
}

TEST_F(Exports, ExactTablesAreReadThroughTheirCatchUp) {
  kernels::OptimizerConfig exact{.algorithm = kernels::Adam{}};
  exact.mode = kernels::OptimizerMode::kExact;
  train(small_models()[0], {.optimizer = exact});
  write(files_);
  const Batch batch = random_batch(3, 100, 300);
  EXPECT_EQ(logits(*load_export(files_, "v000001").network, batch), logits(*network_, batch));
}

TEST_F(Exports, NarrowRowsScoreNearly) {
  train(small_models()[0]);
  const Batch batch = random_batch(3, 100, 300);
  const auto expected = logits(*network_, batch);
  for (const auto rows : {kernels::DType::kF16, kernels::DType::kBf16}) {
    const ExportReport report = write(files_, {.rows = rows});
    EXPECT_LT(report.golden_error, 1e-2);
    const auto actual = logits(*load_export(files_, report.version).network, batch);
    for (size_t i = 0; i < actual.size(); ++i) EXPECT_NEAR(actual[i], expected[i], 1e-2);
  }
}

TEST_F(Exports, TablesKeptInBf16AreWrittenExactlyInEitherType) {
  train(small_models()[0], {.dtype = kernels::DType::kBf16});
  const Batch batch = random_batch(3, 100, 300);
  for (const auto rows : {kernels::DType::kF32, kernels::DType::kBf16}) {
    const ExportReport report = write(files_, {.rows = rows});
    EXPECT_EQ(logits(*load_export(files_, report.version).network, batch),
              logits(*network_, batch));
  }
}

TEST_F(Exports, ManySmallPartsAreOneTable) {
  train(small_models()[0]);
  const ExportReport report = write(files_, {.part_rows = 7});
  const LoadedExport loaded = load_export(files_, report.version);
  const Batch batch = random_batch(3, 100, 300);
  EXPECT_EQ(logits(*loaded.network, batch), logits(*network_, batch));
  uint64_t last = 0;
  const int64_t parts = loaded.manifest.about["tables"][0]["parts"];
  ASSERT_GT(parts, 3);
  for (int64_t part = 0; part < parts; ++part) {
    const std::string name = fmt::format("v000001/tables/C1/part-{:05}.keys.npy", part);
    const storage::NpyReader reader(files_.open(name));
    std::vector<uint64_t> keys(static_cast<size_t>(reader.header().rows));
    reader.read_rows(0, std::as_writable_bytes(std::span(keys)));
    for (const uint64_t key : keys) {
      EXPECT_TRUE(key > last || (part == 0 && key == 0));
      EXPECT_LT(key, 300u);  // the user's ids
      last = key;
    }
  }
}

TEST_F(Exports, FtrlRowsOfZerosAreLeftOutAndCounted) {
  const kernels::OptimizerConfig wide{.algorithm =
                                          kernels::Ftrl{.learning_rate = 0.1f, .l1 = 0.05f}};
  train(models::LogisticRegression{}, {.wide = wide});
  const ExportReport report = write(files_);
  EXPECT_GT(report.omitted_rows, 0);
  EXPECT_GT(report.rows, 0);
  const Batch batch = random_batch(3, 100, 300);
  EXPECT_EQ(logits(*load_export(files_, "v000001").network, batch), logits(*network_, batch));
}

TEST_F(Exports, AnUntrainedNetworkIsOrdinary) {
  network_ = std::make_unique<models::Network>(small_config(small_models()[0]));
  EXPECT_EQ(write(files_).rows, 0);
  EXPECT_EQ(load_export(files_, "v000001").network->collection().usage(0).rows, 0);
}

TEST_F(Exports, VersionsCountUpAndNameTheirParent) {
  train(small_models()[0]);
  write(files_);
  EXPECT_EQ(write(files_).version, "v000002");
  EXPECT_EQ(storage::read_current(files_), "v000002");
  EXPECT_EQ(load_export(files_, "v000002").manifest.about["parent"], "v000001");
}

TEST_F(Exports, WeightsThatAreNotFiniteAreRefused) {
  train(small_models()[0]);
  auto& parameters = network_->parameters();
  parameters.weights(parameters.tensors()[0])[0] = INFINITY;
  parameters.weights_changed();
  try {
    write(files_);
    FAIL();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), ErrorCode::kDiverged);
  }
  EXPECT_TRUE(files_.list("").empty());
}

TEST_F(Exports, ASmallDiskIsNoticedBeforeAnythingIsWritten) {
  train(small_models()[0]);
  files_.set_available_bytes(100);
  EXPECT_THROW(write(files_), Error);
  EXPECT_TRUE(files_.list("").empty());
}

TEST_F(Exports, EveryDamagedFileIsNamed) {
  train(small_models()[1]);
  write(files_);
  const CounterRng rng{8};
  uint64_t draw = 0;
  for (const storage::Entry& entry : storage::list_tree(files_, "v000001")) {
    if (entry.kind != storage::EntryKind::kFile) continue;
    std::string& content = files_.content("v000001/" + entry.name);
    const std::string whole = content;
    constexpr int kCuts = kSanitized ? 8 : 64;
    for (int i = 0; i < 5 * kCuts; ++i) {
      if (i < kCuts) {
        content.resize(whole.size() * static_cast<size_t>(i) / kCuts);
      } else {
        const uint64_t bit = rng.below(draw++, whole.size() * 8);
        content[bit / 8] ^= static_cast<char>(1 << (bit % 8));
      }
      const auto findings = storage::verify_directory(files_, "v000001", storage::kExportMagic);
      ASSERT_EQ(findings.size(), 1u) << entry.name;
      EXPECT_EQ(findings[0].file, entry.name);
      content = whole;
    }
    content += "x";
    EXPECT_THROW(load_export(files_, "v000001"), Error) << entry.name;
    content = whole;
  }
}

TEST_F(Exports, ACrashAtAnyPointKeepsAVersionBeingServed) {
  train(small_models()[0]);
  for (const storage::FailPoint point : storage::all_fail_points()) {
    SCOPED_TRACE(storage::fail_point_name(point));
    MemoryFileSystem disk;
    write(disk);
    FaultyFileSystem files(disk);
    files.crash_at(point);
    try {
      write(files);
    } catch (const storage::SimulatedCrash&) {
    }
    disk.power_loss();
    const auto current = storage::read_current(disk);
    ASSERT_TRUE(current);
    EXPECT_TRUE(storage::verify_directory(disk, *current, storage::kExportMagic).empty());
    EXPECT_NO_THROW(write(disk));
  }
}

TEST_F(Exports, NoSingleFailedCallLosesTheVersionBefore) {
  train(small_models()[0]);
  int64_t first = 1;  // under a sanitizer each call fails in one of the two ways
  for (const auto fault : {storage::Fault::kIoError, storage::Fault::kNoSpace}) {
    int64_t call = kSanitized ? first++ : 1;
    for (bool touched = true; touched; call += kSanitized ? 2 : 1) {
      MemoryFileSystem disk;
      write(disk);
      FaultyFileSystem files(disk);
      files.fail_at(call, fault);
      try {
        write(files);
      } catch (const Error& e) {
        EXPECT_EQ(e.code(), ErrorCode::kIo) << e.what();
      }
      touched = files.calls() >= call;
      const auto current = storage::read_current(disk);
      ASSERT_TRUE(current);
      EXPECT_TRUE(storage::verify_directory(disk, *current, storage::kExportMagic).empty());
    }
    EXPECT_GT(call, 60);
  }
}

}  // namespace
}  // namespace strata::serving
