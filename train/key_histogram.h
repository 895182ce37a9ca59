#pragma once
// How often keys occur: what the planner knows of the data.

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "data/reader.h"
#include "models/network.h"

namespace strata::train {

/// How often the keys of one table occur in part of the data: the counts, not the keys. Keys that
/// occur often are merged with those that occur nearly as often.
struct KeyHistogram {
  struct Class {
    double count = 0;  // occurrences of each key
    double keys = 0;   // that occur so often
  };
  std::vector<Class> classes;  // ascending in count

  double keys() const;
  double occurrences() const;
};

/// A share of all occurrences that each of `keys` keys has.
struct KeyRate {
  double share = 0;
  double keys = 0;
};

/// What counting `occurrences` draws from such keys gives on average.
KeyHistogram expected_histogram(std::span<const KeyRate> rates, double occurrences);

/// Counts keys in bounded memory: all of them up to kMostKeys, then the most frequent ones so far
/// and a sample of the others, drawn by hash, so that a key is counted wholly or not at all. The
/// same for any order of the threads; the sample's error is about 1 / sqrt(kMostKeys / 2).
class KeyCounter {
 public:
  static constexpr size_t kMostKeys = 1 << 16;

  void add(uint64_t id);
  KeyHistogram finish() const;

 private:
  void thin_out();

  static constexpr size_t kFrequent = 1024;
  std::unordered_map<uint64_t, int64_t> frequent_;
  std::unordered_map<uint64_t, int64_t> sampled_;  // mix64(id) below 2^(64 - level)
  int level_ = 0;
};

/// The histograms of all tables of a model over some rows of the training data.
struct DataHistogram {
  int64_t rows = 0;       // counted
  int64_t data_rows = 0;  // of the training data: one epoch
  std::map<std::string, KeyHistogram> tables{};
};

/// Counts the keys of the next `rows` rows of `reader`, or of all of them when that is 0.
DataHistogram count_keys(data::Reader& reader, const models::NetworkConfig& network, int64_t rows);

nlohmann::ordered_json to_json(const DataHistogram& histogram);

/// Throws Error{data} naming what is wrong.
DataHistogram histogram_from_json(std::string_view text);

}  // namespace strata::train
