#include "serving/network_json.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "tests/serving/trained_network.h"

namespace strata::serving {
namespace {

using Json = nlohmann::ordered_json;

TEST(NetworkJson, EveryModelIsReadBack) {
  for (const models::ModelVariant& model : small_models()) {
    const Json json = to_json(small_config(model));
    const Json parsed = Json::parse(json.dump());
    EXPECT_EQ(to_json(network_config_from_json(parsed)), json);
  }
}

TEST(NetworkJson, DamageIsCorruptAndNamed) {
  const Json good = to_json(small_config(small_models()[0]));
  const auto expect_corrupt = [&](const std::function<void(Json&)>& damage) {
    Json json = good;
    damage(json);
    try {
      network_config_from_json(json);
      ADD_FAILURE() << json.dump();
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), ErrorCode::kCorrupt);
    }
  };
  expect_corrupt([](Json& j) { j["model"]["name"] = "dlrm2"; });
  expect_corrupt([](Json& j) { j["model"]["bottom"] = "8"; });
  expect_corrupt([](Json& j) { j["model"]["bottom"][0] = 1.5; });
  expect_corrupt([](Json& j) { j["model"]["bottom"][0] = -1; });
  expect_corrupt([](Json& j) { j["model"]["extra"] = 1; });
  expect_corrupt([](Json& j) { j.erase("features"); });
  expect_corrupt([](Json& j) { j["tables"][0]["dim"] = int64_t{1} << 40; });
  expect_corrupt([](Json& j) { j["tables"][0]["pooling"] = "median"; });
  expect_corrupt([](Json& j) { j["precision"] = "fp8"; });
  expect_corrupt([](Json& j) { j["other"] = 1; });
}

}  // namespace
}  // namespace strata::serving
