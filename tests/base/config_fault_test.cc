#include "base/config_fault.h"

#include <gtest/gtest.h>

namespace strata {
namespace {

TEST(NearestName, FindsSlipsAndSwapsOnly) {
  const std::vector<std::string> names = {"batch_size", "epochs", "seed"};
  EXPECT_EQ(nearest_name("bach_size", names), "batch_size");
  EXPECT_EQ(nearest_name("sede", names), "seed");
  EXPECT_EQ(nearest_name("batchsize", names), "batch_size");
  EXPECT_EQ(nearest_name("learning_rate", names), "");
  EXPECT_EQ(nearest_name(std::string(1'000'000, 'b'), names), "");
}

TEST(NearestName, WithoutOneAllAreNamed) {
  EXPECT_EQ(suggest_name("sede", {"seed", "epochs"}, "keys"), "did you mean 'seed'?");
  EXPECT_EQ(suggest_name("dim", {"seed", "epochs"}, "keys"), "keys: seed, epochs");
  EXPECT_EQ(suggest_name("dim", {}, "keys"), "");
}

TEST(FaultList, TellsAllAndPutsTheRootBeforeEachPath) {
  FaultList faults;
  EXPECT_NO_THROW(faults.throw_if_any());
  EXPECT_TRUE(faults.collect([] {}));
  EXPECT_FALSE(faults.collect([] { throw_fault({{{"top"}, {"bottom"}}, "too wide"}); }, {"model"}));
  EXPECT_FALSE(faults.collect([] { throw_fault({{{"seed"}}, "odd", "write 2"}); }));
  try {
    faults.throw_if_any();
    FAIL();
  } catch (const ConfigFaults& thrown) {
    EXPECT_EQ(thrown.exit_code(), 78);
    EXPECT_STREQ(thrown.what(), "too wide\nodd; write 2");
    const std::vector<ConfigPath> paths = {{"model", "top"}, {"model", "bottom"}};
    EXPECT_EQ(thrown.faults()[0].paths, paths);
  }
}

}  // namespace
}  // namespace strata
