// Statistics of the training data. One pass in file order on one thread, so they are the same bits
// for any configuration of threads.

#include <algorithm>
#include <cmath>
#include <vector>

#include "base/error.h"
#include "base/hash.h"
#include "data/encoder.h"
#include "data/scan.h"
#include "data/schema.h"
#include "data/text_input.h"

namespace strata::data {
namespace {

/// Mean and deviation by Welford's update.
struct Moments {
  double count = 0;
  double mean = 0;
  double squares = 0;
  void add(double x) {
    count += 1;
    const double delta = x - mean;
    mean += delta / count;
    squares += delta * (x - mean);
  }
};

/// About a million values of a column, drawn by the counter of the value: all of a small column.
class ValueSample {
 public:
  explicit ValueSample(int64_t rows) {
    constexpr double kValues = 1 << 20;
    const double share = std::min(1.0, kValues / static_cast<double>(rows));
    everything_ = share >= 1;
    threshold_ = everything_ ? 0 : static_cast<uint64_t>(std::ldexp(share, 64));
  }

  void add(double x) {
    const uint64_t drawn = CounterRng{0x7175616e74696c65ull}.bits(next_++);  // "quantile"
    if (everything_ || drawn < threshold_) values_.push_back(x);
  }

  /// Ascending boundaries that cut the sample into `buckets` parts; fewer where values repeat.
  std::vector<double> boundaries(int64_t buckets) {
    std::sort(values_.begin(), values_.end());
    std::vector<double> cuts;
    const int64_t count = std::ssize(values_);
    for (int64_t i = 1; i < buckets && count > 0; ++i) {
      const double cut = values_[static_cast<size_t>(i * count / buckets)];
      if ((cuts.empty() || cut > cuts.back()) && cut > values_.front()) cuts.push_back(cut);
    }
    return cuts;
  }

 private:
  bool everything_ = true;
  uint64_t threshold_ = 0;
  uint64_t next_ = 0;
  std::vector<double> values_;
};

/// A feature that waits for statistics, its number column and what it has gathered.
template <class Feature, class Gathered>
struct Waiting {
  Feature* feature;
  int slot;
  Gathered gathered;

  void add(const ScannedSlice& slice) {
    const double* const column = slice.raw.number(slot);
    for (int64_t i = 0; i < slice.rows.rows; ++i) {
      const double x = settle_number(column[i], feature->clip, feature->missing);
      if (!std::isnan(x)) gathered.add(x);
    }
  }
};

/// A column without any value standardises to zeros, a constant one too.
void settle(DenseFeature& feature, const Moments& moments) {
  feature.mean = moments.mean;
  const double variance = moments.count > 0 ? moments.squares / moments.count : 0;
  feature.deviation = variance > 0 ? std::sqrt(variance) : 1;
}

int64_t rows_of(const BlockSource& source) {
  const Block& last = source.blocks().back();
  return last.first_row + last.lines;
}

}  // namespace

Schema fit_schema(const DataConfig& config) {
  Schema schema = make_schema(config);
  if (schema.fitted) return schema;
  TextInput input = open_input(config, schema, Part::kTrain, true);
  const Layout layout(input.schema);
  const auto parser = input.make_parser(input.schema, layout, true);
  const int64_t rows = rows_of(*input.source);

  std::vector<Waiting<DenseFeature, Moments>> dense;
  std::vector<Waiting<SparseFeature, ValueSample>> sparse;
  for (size_t i = 0; i < schema.dense.size(); ++i) {
    if (schema.dense[i].transform != Transform::kStandardised) continue;
    dense.push_back({&schema.dense[i], layout.dense_slot[i], {}});
  }
  for (size_t i = 0; i < schema.sparse.size(); ++i) {
    if (schema.sparse[i].transform != Transform::kQuantiles) continue;
    sparse.push_back({&schema.sparse[i], layout.sparse_slot[i], ValueSample(rows)});
  }
  BadRowPolicy policy(config.max_bad_ratio, rows);
  std::vector<BadRow> first_bad;
  scan_rows(
      input, layout, *parser,
      [&](const ScannedSlice& slice) {
        for (auto& waiting : dense) waiting.add(slice);
        for (auto& waiting : sparse) waiting.add(slice);
      },
      [&](const BadRow& bad) { policy.add(bad.reason, first_bad, [&] { return bad; }); });
  for (auto& waiting : dense) settle(*waiting.feature, waiting.gathered);
  for (auto& waiting : sparse) {
    waiting.feature->boundaries = waiting.gathered.boundaries(waiting.feature->quantiles);
  }
  schema.fitted = true;
  return schema;
}

}  // namespace strata::data
