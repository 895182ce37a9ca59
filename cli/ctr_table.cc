#include "cli/ctr_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "train/memory_limit.h"
#include "train/progress.h"

namespace strata::cli {
namespace {

using nlohmann::ordered_json;

constexpr int kNameWidth = 20;
constexpr int kMetricWidth = 17;

struct Metric {
  const char* name;
  std::optional<double> CtrResult::*value;
};
constexpr Metric kMetrics[] = {{"auc", &CtrResult::auc},
                               {"logloss", &CtrResult::logloss},
                               {"ne", &CtrResult::ne},
                               {"calibration", &CtrResult::calibration}};

std::optional<MeanAndDeviation> mean_of(const CtrLine& line,
                                        std::optional<double> CtrResult::*metric) {
  std::vector<std::optional<double>> values;
  values.reserve(line.results.size());
  for (const CtrResult& result : line.results) values.push_back(result.*metric);
  return cli::mean_of(values);
}

MeanAndDeviation mean_rate(const CtrLine& line) {
  std::vector<std::optional<double>> values;
  values.reserve(line.results.size());
  for (const CtrResult& result : line.results) values.emplace_back(result.samples_per_second);
  return cli::mean_of(values).value_or(MeanAndDeviation{});
}

int64_t most_memory(const CtrLine& line) {
  int64_t most = 0;
  for (const CtrResult& result : line.results) most = std::max(most, result.memory_bytes);
  return most;
}

/// "0.7861 ±0.0003", padded.
std::string metric_cell(const std::optional<MeanAndDeviation>& value) {
  if (!value) return fmt::format("{:<{}}", "undefined", kMetricWidth);
  const std::string text = fmt::format("{:.4f} ±{:.4f}", value->mean, value->deviation);
  return fmt::format("{:<{}}", text, kMetricWidth);
}

std::string number_cell(const std::optional<double>& value, bool sign) {
  if (!value) return fmt::format("{:<{}}", "-", kMetricWidth);
  const std::string text = sign ? fmt::format("{:+.4f}", *value) : fmt::format("{:.4f}", *value);
  return fmt::format("{:<{}}", text, kMetricWidth);
}

std::optional<double> difference(const std::optional<MeanAndDeviation>& ours,
                                 const std::optional<double>& published) {
  if (!ours || !published) return std::nullopt;
  return ours->mean - *published;
}

std::string comparison(const CtrLine& line) {
  const PublishedResult& row = *line.published;
  const auto auc = difference(mean_of(line, &CtrResult::auc), row.auc);
  const auto logloss = difference(mean_of(line, &CtrResult::logloss), row.logloss);
  return fmt::format("{:<{}}{}{}{}\n", "  published", kNameWidth, number_cell(row.auc, false),
                     number_cell(row.logloss, false), row.source) +
         fmt::format("{:<{}}{}{}\n", "  difference", kNameWidth, number_cell(auc, true),
                     number_cell(logloss, true));
}

std::string to_text(const CtrLine& line) {
  std::string out = fmt::format("{:<{}}", line.model, kNameWidth);
  for (const Metric& metric : kMetrics) out += metric_cell(mean_of(line, metric.value));
  const MeanAndDeviation rate = mean_rate(line);
  out += fmt::format("{:>9} ±{:<9}{}\n", train::format_rate(rate.mean),
                     train::format_rate(rate.deviation), train::format_bytes(most_memory(line)));
  if (line.published) out += comparison(line);
  if (!line.why_not.empty()) out += fmt::format("  no published row: {}\n", line.why_not);
  if (!line.remark.empty()) out += fmt::format("  note: {}\n", line.remark);
  return out;
}

ordered_json number_or_null(const std::optional<double>& value) {
  return value ? ordered_json(*value) : ordered_json();
}

ordered_json to_json(const CtrLine& line) {
  ordered_json out = {{"model", line.model}, {"seeds", line.results.size()}};
  for (const Metric& metric : kMetrics) {
    const auto value = mean_of(line, metric.value);
    out[metric.name] = value ? ordered_json(value->mean) : ordered_json();
    out[fmt::format("{}_deviation", metric.name)] =
        value ? ordered_json(value->deviation) : ordered_json();
  }
  const MeanAndDeviation rate = mean_rate(line);
  out["samples_per_second"] = rate.mean;
  out["samples_per_second_deviation"] = rate.deviation;
  out["memory_bytes"] = most_memory(line);
  out["published"] = nullptr;
  if (line.published) {
    const PublishedResult& row = *line.published;
    out["published"] = {
        {"auc", row.auc}, {"logloss", number_or_null(row.logloss)}, {"source", row.source}};
    out["auc_difference"] = number_or_null(difference(mean_of(line, &CtrResult::auc), row.auc));
    out["logloss_difference"] =
        number_or_null(difference(mean_of(line, &CtrResult::logloss), row.logloss));
  }
  out["why_not_published"] = line.why_not;
  out["remark"] = line.remark;
  return out;
}

}  // namespace

std::optional<MeanAndDeviation> mean_of(const std::vector<std::optional<double>>& values) {
  if (values.empty()) return std::nullopt;
  double sum = 0;
  for (const std::optional<double>& value : values) {
    if (!value) return std::nullopt;
    sum += *value;
  }
  const auto count = static_cast<double>(values.size());
  const double mean = sum / count;
  double squares = 0;
  for (const std::optional<double>& value : values) squares += (*value - mean) * (*value - mean);
  return MeanAndDeviation{mean, count > 1 ? std::sqrt(squares / (count - 1)) : 0};
}

ordered_json to_json(const CtrTable& table) {
  ordered_json models = ordered_json::array();
  for (const CtrLine& line : table.lines) models.push_back(to_json(line));
  return {{"preset", table.preset},
          {"data", table.data},
          {"notes", table.notes},
          {"models", std::move(models)}};
}

std::string to_text(const CtrTable& table) {
  std::string out = table.data + "\n";
  out += fmt::format("{:<{}}", "model", kNameWidth);
  for (const Metric& metric : kMetrics) out += fmt::format("{:<{}}", metric.name, kMetricWidth);
  out += fmt::format("{:<20} {}\n", "samples/s", "memory");
  for (const CtrLine& line : table.lines) out += to_text(line);
  for (const std::string& note : table.notes) out += fmt::format("note: {}\n", note);
  return out;
}

}  // namespace strata::cli
