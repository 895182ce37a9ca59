#include "data/criteo_statistics.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <string>

#include "base/error.h"

namespace strata::data {

extern const char* const kCriteoStatisticsJson;

namespace {

using nlohmann::json;

// Columns without a fitted tail are small; a mild skew reproduces their distinct counts.
constexpr double kSmallTailExponent = 1.2;
constexpr double kSmallTailOffset = 10;

CategoryStatistics category(const json& column) {
  CategoryStatistics out;
  out.cardinality = column.at("cardinality").get<int64_t>();
  out.null_rate = column.at("null_rate").get<double>();
  const auto& shares = column.at("top5_share_of_nonnull");
  for (size_t i = 0; i < shares.size() && i < out.head.size(); ++i) {
    out.head[i] = shares[i].get<double>();
  }
  if (const auto fit = column.find("zm"); fit != column.end()) {
    out.s = fit->at("s").get<double>();
    out.q = fit->at("q").get<double>();
    out.tail_ranks = fit->at("Kt").get<double>();
  } else {
    out.s = kSmallTailExponent;
    out.q = kSmallTailOffset;
    out.tail_ranks =
        std::max<double>(0, static_cast<double>(out.cardinality) - CategoryStatistics::kHead);
  }
  return out;
}

IntegerStatistics integer(const json& column) {
  return {.null_rate = column.at("null_rate").get<double>(),
          .minimum = column.at("min").get<double>(),
          .q1 = column.at("q1").get<double>(),
          .median = column.at("median").get<double>(),
          .q3 = column.at("q3").get<double>(),
          .mean = column.at("mean").get<double>(),
          .maximum = column.at("max").get<double>()};
}

}  // namespace

CriteoStatistics parse_criteo_statistics(std::string_view text) {
  try {
    const json kaggle = json::parse(text).at("kaggle");
    CriteoStatistics out;
    out.positive_rate = kaggle.at("positive_rate").get<double>();
    for (int i = 0; i < kCriteoIntegers; ++i) {
      out.integers[i] = integer(kaggle.at("numeric").at("I" + std::to_string(i + 1)));
    }
    for (int c = 0; c < kCriteoCategories; ++c) {
      out.categories[c] = category(kaggle.at("columns").at("C" + std::to_string(c + 1)));
    }
    return out;
  } catch (const json::exception& e) {
    throw Error(ErrorCode::kData, "statistics for the Criteo generator: {}", e.what());
  }
}

CriteoStatistics criteo_statistics() { return parse_criteo_statistics(kCriteoStatisticsJson); }

}  // namespace strata::data
