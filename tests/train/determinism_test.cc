// The determinism law over all it promises: every optimizer with every row type in every model.
// The lists are those of the engine: what is added there is tested here.
#include <gtest/gtest.h>

#include <string>
#include <tuple>
#include <vector>

#include "tests/sanitized.h"
#include "tests/storage/memory_file_system.h"
#include "tests/train/session.h"
#include "train/checkpoint.h"

namespace strata::train {
namespace {

std::vector<kernels::DType> every_row_type() {
  std::vector<kernels::DType> all;
  for (const auto& [type, name] : EnumNames<kernels::DType>::kNames) all.push_back(type);
  return all;
}

constexpr int64_t kSteps = 16;  // 11 batches an epoch, the last is short
const std::vector<int64_t> kKills =
    kSanitized ? std::vector<int64_t>{11} : std::vector<int64_t>{4, 11};

class Law : public testing::TestWithParam<std::tuple<size_t, size_t, kernels::DType>> {
 protected:
  Law() {
    small_.model = every_model()[std::get<0>(GetParam())];
    small_.table_optimizer = every_optimizer()[std::get<1>(GetParam())];
    small_.dense_optimizer = small_.table_optimizer;
    small_.dtype = std::get<2>(GetParam());
    small_.task.rows = 500;
  }

  SmallModel small_;
  TrainConfig config_{.batch_size = 48, .epochs = 2};
};

TEST_P(Law, OneThreadEqualsTwoBitForBit) {
  Session one(small_, config_, 1), two(small_, config_, 2);
  const std::vector<double> losses = one.run(kSteps);
  EXPECT_EQ(losses.size(), kSteps);
  EXPECT_EQ(losses, two.run(kSteps));
  EXPECT_EQ(take_snapshot(*one.network), take_snapshot(*two.network));
  EXPECT_EQ(one.trainer.state(), two.trainer.state());
}

/// A session that goes on from a checkpoint of `first`, as a new process does.
std::unique_ptr<Session> resumed(const SmallModel& small, const TrainConfig& config,
                                 const Session& first, int threads) {
  storage::MemoryFileSystem files;
  CheckpointText text{.state = first.trainer.state(),
                      .schema = nlohmann::json::object(),
                      .resolved_config = "model: {name: dlrm}\n",
                      .metrics = nullptr};
  CheckpointCut cut =
      take_cut(first.network->collection(), first.network->parameters(), std::move(text));
  const std::string name = save_checkpoint(files, cut, Retention{});
  auto network = make_small_network(small);
  load_checkpoint(files, name, network->collection(), network->parameters(), {});
  const TrainerState state = open_checkpoint(files, name).text.state;
  return std::make_unique<Session>(small, config, std::move(network), state, threads);
}

void expect_resume_equals_uninterrupted(const SmallModel& small, const TrainConfig& config) {
  Session whole(small, config);
  const std::vector<double> losses = whole.run(kSteps);
  for (const int64_t kill : kKills) {
    Session first(small, config);
    first.run(kill);
    const auto second = resumed(small, config, first, 2);
    const std::vector<double> rest = second->run(kSteps - kill);
    EXPECT_EQ(rest, std::vector<double>(losses.begin() + kill, losses.end())) << kill;
    EXPECT_EQ(take_snapshot(*second->network), take_snapshot(*whole.network)) << kill;
    EXPECT_EQ(second->trainer.state(), whole.trainer.state()) << kill;
  }
}

TEST_P(Law, ResumeEqualsUninterruptedBitForBit) {
  expect_resume_equals_uninterrupted(small_, config_);
}

INSTANTIATE_TEST_SUITE_P(Everything, Law,
                         testing::Combine(testing::Range(size_t{0}, every_model().size()),
                                          testing::Range(size_t{0}, every_optimizer().size()),
                                          testing::ValuesIn(every_row_type())),
                         [](const auto& info) {
                           return std::string(
                                      models::model_name(every_model()[std::get<0>(info.param)])) +
                                  "_" +
                                  std::string(every_optimizer()[std::get<1>(info.param)].name()) +
                                  "_" + std::string(enum_name(std::get<2>(info.param)));
                         });

class ExactLaw : public testing::TestWithParam<size_t> {};

TEST_P(ExactLaw, ResumeEqualsUninterruptedBitForBit) {
  SmallModel small;
  small.table_optimizer = every_optimizer()[GetParam()];
  small.table_optimizer.mode = kernels::OptimizerMode::kExact;
  small.table_optimizer.l2 = 1e-3f;
  if (small.table_optimizer.refusal(small.dtype)) small.table_optimizer.l2 = 0;  // FTRL has its own
  small.task.rows = 500;
  small.task.ids_per_feature = 2000;  // most rows are seldom touched
  expect_resume_equals_uninterrupted(small, {.batch_size = 48, .epochs = 2});
}

INSTANTIATE_TEST_SUITE_P(Everything, ExactLaw, testing::Range(size_t{0}, every_optimizer().size()),
                         [](const auto& info) {
                           return std::string(every_optimizer()[info.param].name());
                         });

}  // namespace
}  // namespace strata::train
