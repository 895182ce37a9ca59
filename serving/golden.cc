#include "serving/golden.h"

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/error.h"
#include "base/hash.h"
#include "serving/score.h"

namespace strata::serving {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kKeysPerTable = 256;
constexpr uint64_t kSeed = 0x676f6c64656e;  // "golden"

/// Up to kKeysPerTable ids of a table, spread over its shards.
std::vector<uint64_t> some_keys(const embedding::Collection& tables, int table) {
  std::vector<uint64_t> keys;
  storage::ShardRange shards;
  while (shards.first < tables.shards() && keys.size() < kKeysPerTable) {
    tables.scan(table, shards, [&](const embedding::RowView& row) {
      if (keys.size() < kKeysPerTable) keys.push_back(row.id);
    });
    shards.first += shards.count;
    shards.count = std::min(2 * shards.count, tables.shards() - shards.first);
  }
  return keys;
}

/// Keys of the first table each feature is looked up in.
std::vector<std::vector<uint64_t>> keys_of_features(const embedding::Collection& tables,
                                                    size_t features) {
  std::vector<std::vector<uint64_t>> keys(features);
  for (const embedding::Lookup& lookup : tables.lookups()) {
    auto& of_feature = keys[static_cast<size_t>(lookup.feature)];
    if (of_feature.empty()) of_feature = some_keys(tables, tables.find_table(lookup.table));
  }
  return keys;
}

void finish_batch(Batch& batch, int64_t size) {
  batch.size = size;
  batch.chunk_begin = {0, size};
  batch.labels.assign(static_cast<size_t>(size), 0.0f);
}

[[noreturn]] void corrupt(int64_t line, std::string_view why) {
  throw Error(ErrorCode::kCorrupt, "golden.jsonl:{}: {}", line, why);
}

/// The golden requests before they are laid out feature by feature.
struct Request {
  std::vector<float> dense;
  std::vector<std::vector<uint64_t>> ids;
  float logit = 0;
};

Request parse_request(const Json& json, const data::Schema& schema, int64_t line) {
  if (!json.is_object() || !json.contains("dense") || !json.contains("ids") ||
      !json.contains("logit") || !json["logit"].is_number()) {
    corrupt(line, "not a request");
  }
  Request request;
  request.logit = json["logit"].get<float>();
  for (const data::DenseFeature& feature : schema.dense) {
    const auto value = json["dense"].find(feature.name);
    if (value == json["dense"].end() || !value->is_number()) corrupt(line, feature.name);
    request.dense.push_back(value->get<float>());
  }
  for (const data::SparseFeature& feature : schema.sparse) {
    const auto list = json["ids"].find(feature.name);
    if (list == json["ids"].end() || !list->is_array()) corrupt(line, feature.name);
    auto& ids = request.ids.emplace_back();
    for (const Json& id : *list) {
      if (!id.is_number_unsigned()) corrupt(line, feature.name);
      ids.push_back(id.get<uint64_t>());
    }
  }
  return request;
}

}  // namespace

Batch make_golden_batch(const models::Network& network, const data::Schema& schema) {
  const auto keys = keys_of_features(network.collection(), schema.sparse.size());
  const CounterRng rng{kSeed};
  uint64_t draw = 0;
  Batch batch;
  for (int i = 0; i < kGoldenRequests * static_cast<int>(schema.dense.size()); ++i) {
    batch.dense.push_back(4 * rng.uniform(draw++) - 2);
  }
  batch.offsets.push_back(0);
  for (size_t f = 0; f < schema.sparse.size(); ++f) {
    const bool list = schema.sparse[f].kind == data::SparseKind::kList;
    for (int sample = 0; sample < kGoldenRequests; ++sample) {
      const uint64_t count = list ? rng.below(draw++, 4) : 1;
      for (uint64_t i = 0; i < count; ++i) {
        const bool unseen = keys[f].empty() || rng.below(draw++, 16) == 0;
        const uint64_t pick = draw++;
        batch.ids.push_back(unseen ? rng.bits(pick) : keys[f][rng.below(pick, keys[f].size())]);
      }
      batch.offsets.push_back(static_cast<int64_t>(batch.ids.size()));
    }
  }
  finish_batch(batch, kGoldenRequests);
  return batch;
}

std::string golden_text(const Batch& batch, std::span<const float> logits,
                        const data::Schema& schema) {
  std::string text;
  for (int64_t sample = 0; sample < batch.size; ++sample) {
    Json dense = Json::object();
    for (size_t i = 0; i < schema.dense.size(); ++i) {
      const size_t at = static_cast<size_t>(sample) * schema.dense.size() + i;
      dense[schema.dense[i].name] = batch.dense[at];
    }
    Json ids = Json::object();
    for (size_t f = 0; f < schema.sparse.size(); ++f) {
      const size_t bag = f * static_cast<size_t>(batch.size) + static_cast<size_t>(sample);
      ids[schema.sparse[f].name] = std::vector<uint64_t>(
          batch.ids.begin() + batch.offsets[bag], batch.ids.begin() + batch.offsets[bag + 1]);
    }
    const Json line = {{"dense", std::move(dense)},
                       {"ids", std::move(ids)},
                       {"logit", logits[static_cast<size_t>(sample)]}};
    text += line.dump() + "\n";
  }
  return text;
}

GoldenRequests parse_golden(const std::string& text, const data::Schema& schema) {
  std::vector<Request> requests;
  std::istringstream lines(text);
  std::string line;
  while (std::getline(lines, line)) {
    const auto number = static_cast<int64_t>(requests.size()) + 1;
    const Json json = Json::parse(line, nullptr, /*allow_exceptions=*/false);
    requests.push_back(parse_request(json, schema, number));
  }
  GoldenRequests golden;
  golden.batch.offsets.push_back(0);
  for (const Request& request : requests) {
    golden.logits.push_back(request.logit);
    golden.batch.dense.insert(golden.batch.dense.end(), request.dense.begin(), request.dense.end());
  }
  for (size_t f = 0; f < schema.sparse.size(); ++f) {
    for (const Request& request : requests) {
      auto& ids = golden.batch.ids;
      ids.insert(ids.end(), request.ids[f].begin(), request.ids[f].end());
      golden.batch.offsets.push_back(static_cast<int64_t>(ids.size()));
    }
  }
  finish_batch(golden.batch, static_cast<int64_t>(requests.size()));
  return golden;
}

double replay_golden(models::Network& network, const GoldenRequests& golden, ThreadPool& pool) {
  Scorer scorer(network, 1, pool);
  const std::span<const float> logits = scorer.score(golden.batch);
  double worst = 0;
  for (size_t i = 0; i < logits.size(); ++i) {
    const double expected = golden.logits[i];
    const double error = std::abs(logits[i] - expected) / std::max(1.0, std::abs(expected));
    if (std::isnan(error)) return error;
    worst = std::max(worst, error);
  }
  return worst;
}

}  // namespace strata::serving
