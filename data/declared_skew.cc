#include "data/declared_skew.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "data/criteo.h"
#include "data/criteo_statistics.h"
#include "data/generator.h"

namespace strata::data {
namespace {

constexpr double kWidth = 1.05;         // ranks of a class lie within this factor
constexpr double kLogSquaredIds = 100;  // floor(log(x)^2) of numbers up to 10^4

/// The share of the tail's rows whose rank, from the tail's first, is below `rank`.
double below(const CategoryStatistics& stats, double rank) {
  const double power = 1 - stats.s;
  const double low = std::pow(stats.q, power);
  const double span = std::pow(stats.tail_ranks + stats.q, power) - low;
  return std::clamp((std::pow(rank + stats.q, power) - low) / span, 0.0, 1.0);
}

/// Ids by rank, the missing one first.
std::vector<IdClass> ranks_of(const CategoryStatistics& stats) {
  std::vector<IdClass> out;
  const double present = 1 - stats.null_rate;
  if (stats.null_rate > 0) out.push_back({stats.null_rate, 1});
  double head = 0;
  for (const double share : stats.head) {
    if (share > 0) out.push_back({present * share, 1});
    head += share;
  }
  const double tail = std::max(0.0, 1 - head) * present;
  for (double rank = 0; rank < stats.tail_ranks;) {
    const double next = std::min(stats.tail_ranks, std::max(rank + 1, std::floor(rank * kWidth)));
    const double share = tail * (below(stats, next) - below(stats, rank));
    if (share > 0) out.push_back({share / (next - rank), next - rank});
    rank = next;
  }
  return out;
}

/// Ids that die are followed by others: over all days there are more of them, each with less.
void renew(const GeneratorConfig& config, std::vector<IdClass>& ids) {
  const double lives = 1 + config.days / config.id_life_days;
  double rank = 0;
  for (IdClass& c : ids) {
    rank += c.ids;
    if (rank <= static_cast<double>(config.lasting_ranks)) continue;
    c.share /= lives;
    c.ids *= lives;
  }
}

/// Ids hashed into `buckets`: the most frequent ones keep to themselves, all others spread.
void bucket(double buckets, std::vector<IdClass>& ids) {
  double kept = 0;
  double spread = 0;
  for (IdClass& c : ids) {
    const double fit = std::clamp(buckets - kept, 0.0, c.ids);
    spread += (c.ids - fit) * c.share;
    c.ids = fit;
    kept += fit;
  }
  for (IdClass& c : ids) c.share += spread / kept;
  std::erase_if(ids, [](const IdClass& c) { return c.ids <= 0; });
}

std::vector<IdClass> alike(double ids) { return {{1 / ids, ids}}; }

}  // namespace

std::optional<std::vector<IdClass>> declared_skew(const DataConfig& config, const Schema& schema,
                                                  const SparseFeature& feature) {
  if (feature.kind == SparseKind::kBuckets) {
    if (feature.transform == Transform::kLogSquared) return alike(kLogSquaredIds);
    return alike(2 + static_cast<double>(feature.boundaries.size()));
  }
  if (feature.kind != SparseKind::kCategory || config.format == Format::kCsv) return {};
  const std::vector<std::string> fields = criteo_fields();
  const auto found = std::ranges::find(fields, schema.fields[static_cast<size_t>(feature.field)]);
  const auto column = static_cast<int>(found - fields.begin()) - kCriteoFirstCategory;
  if (found == fields.end() || column < 0) return {};
  std::vector<IdClass> ids = ranks_of(criteo_statistics().categories[static_cast<size_t>(column)]);
  if (config.format == Format::kSynthetic && open_vocabulary(column)) renew(config.synthetic, ids);
  if (feature.keys != KeyRule::kExact) bucket(static_cast<double>(feature.buckets), ids);
  return ids;
}

}  // namespace strata::data
