// The law of global batch and order, over the whole reader.

#include "data/reader.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <numeric>

#include "base/error.h"
#include "data/transforms.h"
#include "tests/data/input_fixture.h"

namespace strata::data {
namespace {

class ReaderTest : public InputTest {
 protected:
  std::vector<Batch> read(const DataConfig& config, const ReadPlan& plan,
                          Part part = Part::kTrain) {
    return read_all(*make_reader(config, make_schema(config), part, plan));
  }
  std::vector<uint64_t> rows(int64_t count) {
    std::vector<uint64_t> all(static_cast<size_t>(count));
    std::iota(all.begin(), all.end(), 0);
    return all;
  }
  std::vector<uint64_t> sorted(std::vector<uint64_t> ids) {
    std::sort(ids.begin(), ids.end());
    return ids;
  }
  std::string file_ = write("train.tsv", criteo_text(0, 2000));
};

TEST_F(ReaderTest, WithoutShuffleGivesFileOrder) {
  DataConfig config = small_config({file_});
  config.shuffle = false;
  const auto batches = read(config, {.batch_size = 300});
  ASSERT_EQ(batches.size(), 7u);
  EXPECT_EQ(batches.back().size, 200);
  EXPECT_EQ(ids_of(batches), rows(2000));
}

TEST_F(ReaderTest, BatchHoldsTheTransformedLine) {
  DataConfig config = small_config({file_});
  config.shuffle = false;
  const Schema schema = make_schema(config);
  const auto batch = read(config, {.batch_size = 8, .chunks = 2})[0];
  EXPECT_THAT(batch.labels, testing::ElementsAre(1, 0, 0, 0, 1, 0, 0, 0));
  EXPECT_FLOAT_EQ(batch.dense[13 * 5 + 0], std::log1p(5.0f));  // I1 of row 5
  EXPECT_EQ(batch.dense[13 * 5 + 1], 0);                       // I2 = -1
  EXPECT_EQ(batch.dense[13 * 5 + 2], 0);                       // I3 missing
  EXPECT_FLOAT_EQ(batch.dense[13 * 5 + 12], std::log1p(65.0f));
  EXPECT_EQ(batch.ids[1 * 8 + 5], schema.missing_id());  // C2
  EXPECT_EQ(batch.ids[25 * 8 + 5], (5 * 2654435761u + 26) & 0xffffffff);
  EXPECT_THAT(batch.chunk_begin, testing::ElementsAre(0, 4, 8));
  EXPECT_EQ(batch.offsets.size(), 26u * 8 + 1);
}

TEST_F(ReaderTest, BucketsOfNumbersAreThoseOfTheDefinition) {
  DataConfig config = small_config({file_});
  config.shuffle = false;
  config.columns = {{.preset = "criteo_bucketized"}};
  const Schema schema = make_schema(config);
  const auto batch = read(config, {.batch_size = 8})[0];
  const auto bucket = [&](const char* name, int64_t row) {
    for (size_t f = 0; f < schema.sparse.size(); ++f) {
      if (schema.sparse[f].name == name) return batch.ids[f * 8 + static_cast<size_t>(row)];
    }
    ADD_FAILURE() << name;
    return uint64_t{0};
  };
  EXPECT_EQ(bucket("I1_bucket", 5), log_squared_bucket(5));
  EXPECT_EQ(bucket("I2_bucket", 5), log_squared_bucket(-1));
  EXPECT_EQ(bucket("I3_bucket", 5), schema.missing_id()) << "missing is not 0";
  EXPECT_EQ(bucket("I13_bucket", 5), log_squared_bucket(65));
}

TEST_F(ReaderTest, EveryEpochGivesEachRowOnceInAnotherOrder) {
  const auto batches = read(small_config({file_}), {.batch_size = 256, .epochs = 2});
  ASSERT_EQ(batches.size(), 16u);
  const auto first = ids_of({batches.begin(), batches.begin() + 8});
  const auto second = ids_of({batches.begin() + 8, batches.end()});
  EXPECT_EQ(sorted(first), rows(2000));
  EXPECT_EQ(sorted(second), rows(2000));
  EXPECT_NE(first, second);
  EXPECT_NE(first, rows(2000));
  EXPECT_EQ(batches[8].position, (BatchPosition{1, 0}));
}

TEST_F(ReaderTest, OrderIsAFunctionOfTheSeed) {
  const DataConfig config = small_config({file_});
  const auto one = ids_of(read(config, {.batch_size = 256, .seed = 1}));
  EXPECT_EQ(one, ids_of(read(config, {.batch_size = 100, .seed = 1})));
  EXPECT_NE(one, ids_of(read(config, {.batch_size = 256, .seed = 2})));
}

TEST_F(ReaderTest, ResumesAtEveryBatchAsIfUninterrupted) {
  const DataConfig config = small_config({file_});
  const ReadPlan plan{.batch_size = 190, .epochs = 2};
  const auto whole = read(config, plan);
  const Schema schema = make_schema(config);
  const auto seeking = make_reader(config, schema, Part::kTrain, plan);
  for (size_t i = 0; i < whole.size(); ++i) {
    ReadPlan rest = plan;
    rest.start = whole[i].position;
    const auto resumed = make_reader(config, schema, Part::kTrain, rest);
    EXPECT_EQ(resumed->position(), whole[i].position);
    expect_equal({whole.begin() + static_cast<int64_t>(i), whole.end()}, read_all(*resumed));
    seeking->seek(whole[i].position);
    Batch batch;
    ASSERT_TRUE(seeking->next(batch));
    expect_equal(whole[i], batch);
  }
}

TEST_F(ReaderTest, ThreadsAndPrefetchChangeNothing) {
  DataConfig config = small_config({file_});
  config.prefetch = 0;
  const ReadPlan plan{.batch_size = 700, .epochs = 2};
  const auto one = read(config, plan);
  config.threads = 8;
  expect_equal(one, read(config, plan));
  config.prefetch = 3;
  expect_equal(one, read(config, plan));
}

TEST_F(ReaderTest, BatchLargerThanTheDataIsOneShortBatch) {
  const auto batches = read(small_config({file_}), {.batch_size = 1 << 20, .epochs = 1});
  ASSERT_EQ(batches.size(), 1u);
  EXPECT_EQ(sorted(ids_of(batches)), rows(2000));
}

TEST_F(ReaderTest, WorkersPartitionEveryBatch) {
  const DataConfig config = small_config({file_});
  ReadPlan plan{.batch_size = 300, .chunks = 8};
  const auto whole = read(config, plan);
  plan.workers = 2;
  const auto first = read(config, plan);
  plan.worker = 1;
  const auto second = read(config, plan);
  ASSERT_EQ(first.size(), whole.size());
  for (size_t i = 0; i < whole.size(); ++i) {
    EXPECT_EQ(first[i].position, whole[i].position);
    std::vector<uint64_t> both = ids_of({first[i]});
    const auto rest = ids_of({second[i]});
    both.insert(both.end(), rest.begin(), rest.end());
    EXPECT_EQ(both, ids_of({whole[i]}));
    EXPECT_EQ(first[i].chunk_begin[4], first[i].size);
    EXPECT_EQ(second[i].chunk_begin[4], 0);
  }
}

TEST_F(ReaderTest, SplitsPartitionTheRows) {
  for (const Split split : {Split::kTime, Split::kRandom}) {
    DataConfig config = small_config({file_});
    config.eval_fraction = 0.1;
    config.split = split;
    auto train = ids_of(read(config, {.batch_size = 128}));
    const auto eval = ids_of(read(config, {.batch_size = 128}, Part::kEval));
    EXPECT_NEAR(static_cast<double>(eval.size()), 200, split == Split::kTime ? 0 : 45);
    EXPECT_TRUE(std::is_sorted(eval.begin(), eval.end()));
    if (split == Split::kTime) {
      EXPECT_EQ(eval.front(), 1800u);
    }
    train.insert(train.end(), eval.begin(), eval.end());
    EXPECT_EQ(sorted(train), rows(2000));
  }
}

TEST_F(ReaderTest, NegativeSamplingKeepsPositivesAndCorrectsWeights) {
  DataConfig config = small_config({file_});
  config.negative_sampling = 0.25;
  const auto batches = read(config, {.batch_size = 128});
  double positive = 0;
  double negative = 0;
  for (size_t i = 0; i < batches.size(); ++i) {
    if (i + 1 < batches.size()) {
      EXPECT_EQ(batches[i].size, 128);
    }
    for (size_t b = 0; b < batches[i].labels.size(); ++b) {
      EXPECT_EQ(batches[i].sample_weights[b], batches[i].labels[b] == 1 ? 1.0f : 4.0f);
      (batches[i].labels[b] == 1 ? positive : negative) += 1;
    }
  }
  EXPECT_EQ(positive, 500);
  EXPECT_NEAR(negative, 375, 60);
}

TEST_F(ReaderTest, SeveralFilesAreOneInput) {
  const std::string second = write("train2.tsv", criteo_text(2000, 500));
  const auto batches = read(small_config({file_, second}), {.batch_size = 64});
  EXPECT_EQ(sorted(ids_of(batches)), rows(2500));
}

}  // namespace
}  // namespace strata::data
