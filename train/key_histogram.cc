#include "train/key_histogram.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/hash.h"

namespace strata::train {
namespace {

constexpr double kExactCounts = 64;   // larger counts are merged with others within
constexpr double kClassWidth = 1.03;  // this factor
constexpr const char* kFormat = "strata key histogram 1";

/// Counts -> classes: `weight` keys stand behind each count.
class ClassList {
 public:
  void add(double count, double keys) {
    const double place =
        count <= kExactCounts
            ? count
            : kExactCounts + std::floor(std::log(count / kExactCounts) / std::log(kClassWidth)) + 1;
    KeyHistogram::Class& sum = classes_[place];
    sum.keys += keys;
    sum.count += keys * count;
  }
  KeyHistogram take() const {
    KeyHistogram out;
    for (const auto& [place, sum] : classes_) {
      if (sum.keys > 0) out.classes.push_back({sum.count / sum.keys, sum.keys});
    }
    return out;
  }

 private:
  std::map<double, KeyHistogram::Class> classes_;
};

KeyHistogram classes_from_json(const nlohmann::json& classes) {
  ClassList list;
  for (const auto& c : classes) {
    const auto count = c.at(0).get<double>();
    const auto keys = c.at(1).get<double>();
    if (!(count >= 1) || !(keys > 0) || !std::isfinite(count * keys)) {
      throw Error(ErrorCode::kData, "{} keys that occur {} times", keys, count);
    }
    list.add(count, keys);
  }
  return list.take();
}

}  // namespace

double KeyHistogram::keys() const {
  double sum = 0;
  for (const Class& c : classes) sum += c.keys;
  return sum;
}

double KeyHistogram::occurrences() const {
  double sum = 0;
  for (const Class& c : classes) sum += c.keys * c.count;
  return sum;
}

KeyHistogram expected_histogram(std::span<const KeyRate> rates, double occurrences) {
  ClassList list;
  for (const KeyRate& rate : rates) {
    const double mean = rate.share * occurrences;
    if (mean > kExactCounts) {
      list.add(mean, rate.keys);
      continue;
    }
    // Poisson, up to ten standard deviations and a few: what lies beyond is nothing.
    const double most = mean + 10 * std::sqrt(mean) + 10;
    double probability = std::exp(-mean);
    for (double count = 1; count <= most; ++count) {
      probability *= mean / count;
      list.add(count, rate.keys * probability);
    }
  }
  return list.take();
}

void KeyCounter::add(uint64_t id) {
  if (!frequent_.empty()) {
    const auto known = frequent_.find(id);
    if (known != frequent_.end()) {
      ++known->second;
      return;
    }
  }
  if (level_ > 0 && mix64(id) >> (64 - level_) != 0) return;
  ++sampled_[id];
  if (sampled_.size() > kMostKeys) thin_out();
}

/// Sets the most frequent keys apart, once, and drops half of the others.
void KeyCounter::thin_out() {
  if (frequent_.empty()) {
    std::vector<std::pair<int64_t, uint64_t>> keys;
    keys.reserve(sampled_.size());
    for (const auto& [id, count] : sampled_) keys.emplace_back(count, id);
    std::nth_element(keys.begin(), keys.begin() + kFrequent, keys.end(), std::greater());
    keys.resize(kFrequent);
    for (const auto& [count, id] : keys) {
      frequent_.emplace(id, count);
      sampled_.erase(id);
    }
  }
  ++level_;
  std::erase_if(sampled_, [&](const auto& key) { return mix64(key.first) >> (64 - level_) != 0; });
}

KeyHistogram KeyCounter::finish() const {
  ClassList list;
  const double weight = std::ldexp(1, level_);
  for (const auto& [id, count] : frequent_) list.add(static_cast<double>(count), 1);
  for (const auto& [id, count] : sampled_) list.add(static_cast<double>(count), weight);
  return list.take();
}

DataHistogram count_keys(data::Reader& reader, const models::NetworkConfig& network, int64_t rows) {
  DataHistogram out{.data_rows = reader.rows_per_epoch()};
  const auto lookups = models::model_lookups(network.model, network.input);
  std::map<std::string, KeyCounter> counters;
  Batch batch;
  while ((rows == 0 || out.rows < rows) && reader.next(batch)) {
    for (const models::ModelLookup& lookup : lookups) {
      KeyCounter& counter = counters[lookup.table];
      const auto begin = batch.offsets[lookup.feature * batch.size];
      const auto end = batch.offsets[(lookup.feature + 1) * batch.size];
      for (int64_t i = begin; i < end; ++i) counter.add(batch.ids[i]);
    }
    out.rows += batch.size;
  }
  for (const auto& [table, counter] : counters) out.tables[table] = counter.finish();
  return out;
}

nlohmann::ordered_json to_json(const DataHistogram& histogram) {
  nlohmann::ordered_json tables = nlohmann::ordered_json::object();
  for (const auto& [name, table] : histogram.tables) {
    auto classes = nlohmann::ordered_json::array();
    for (const KeyHistogram::Class& c : table.classes) classes.push_back({c.count, c.keys});
    tables[name] = std::move(classes);
  }
  return {{"format", kFormat},
          {"rows", histogram.rows},
          {"data_rows", histogram.data_rows},
          {"tables", std::move(tables)}};
}

DataHistogram histogram_from_json(std::string_view text) {
  try {
    const auto json = nlohmann::json::parse(text);
    if (json.at("format") != kFormat) throw Error(ErrorCode::kData, "it is no '{}'", kFormat);
    DataHistogram out{.rows = json.at("rows").get<int64_t>(),
                      .data_rows = json.at("data_rows").get<int64_t>()};
    if (out.rows < 1 || out.data_rows < 1) throw Error(ErrorCode::kData, "it is of no rows");
    for (const auto& [name, classes] : json.at("tables").items()) {
      out.tables[name] = with_context("table " + name, [&] { return classes_from_json(classes); });
    }
    return out;
  } catch (const nlohmann::json::exception& e) {
    throw Error(ErrorCode::kData, "{}", e.what());
  }
}

}  // namespace strata::train
