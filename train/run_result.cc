#include "train/run_result.h"

#include <fmt/format.h>

#include "base/error.h"
#include "train/memory_limit.h"
#include "train/progress.h"
#include "train/trainer_state.h"

namespace strata::train {
namespace {

class Table {
 public:
  void row(std::string_view name, const std::string& value) {
    text_ += fmt::format("  {:<14}{}\n", name, value);
  }
  void metric(std::string_view name, const std::optional<double>& value) {
    row(name, value ? fmt::format("{:.5f}", *value) : "undefined");
  }
  std::string take() { return std::move(text_); }

 private:
  std::string text_;
};

void add_metrics(const RunResult& result, Table& table) {
  if (!result.evaluation) {
    table.row("evaluation", "none yet, or no evaluation data (data.eval, data.eval_fraction)");
    return;
  }
  const kernels::EvalMetrics& metrics = *result.evaluation;
  table.row("evaluated on", format_count(metrics.samples) + " samples");
  table.metric("auc", metrics.auc);
  table.metric("logloss", metrics.logloss);
  table.metric("ne", metrics.normalized_entropy);
  table.metric("calibration", metrics.calibration);
  if (metrics.groups > 0) table.metric("gauc", metrics.group_auc);
}

std::string headline(const RunResult& result) {
  switch (result.end) {
    case RunEnd::kEarlyStopped:
      return "stopped early: evaluations no longer improve";
    case RunEnd::kStopped:
      return "stopped on request; resume with: strata train FILE --resume auto";
    case RunEnd::kFinished:
      break;
  }
  return "done";
}

/// "4,000 keys: 93.2 % in DRAM, 6.1 % from the SSD, 0.7 % new; 250 rows written to the SSD".
std::string describe(const storage::TierCounts& tiers) {
  const int64_t keys = tiers.hits + tiers.misses;
  const auto share = [&](int64_t part) {
    return keys == 0 ? 0 : 100 * static_cast<double>(part) / static_cast<double>(keys);
  };
  return fmt::format(
      "{} keys: {:.1f} % in DRAM, {:.1f} % fetched ahead of their step and {:.1f} % at it, {:.1f} "
      "% "
      "new; {} rows written to the SSD",
      format_count(keys), share(tiers.hits - tiers.ahead), share(tiers.ahead), share(tiers.fetched),
      share(tiers.misses - tiers.fetched), format_count(tiers.written));
}

}  // namespace

int RunResult::exit_code() const {
  return end == RunEnd::kStopped ? static_cast<int>(ErrorCode::kStopped) : 0;
}

nlohmann::ordered_json to_json(const RunResult& result) {
  nlohmann::ordered_json object = to_json(result.evaluation.value_or(kernels::EvalMetrics{}));
  object.erase("weight");
  object["eval_samples"] = object["samples"];
  object["samples"] = result.samples;
  object["samples_per_second"] = result.samples_per_second;
  object["steps"] = result.steps;
  object["run"] = result.run;
  object["checkpoint"] = result.checkpoint;
  object["stopped"] = result.end == RunEnd::kStopped;
  object["stopped_early"] = result.end == RunEnd::kEarlyStopped;
  object["train_seconds"] = result.train_seconds;
  object["bad_rows"] = result.bad_rows;
  object["table_rows"] = result.table_rows;
  object["memory_bytes"] = result.memory_bytes;
  if (result.tiers) {
    object["dram_hits"] = result.tiers->hits;
    object["dram_misses"] = result.tiers->misses;
    object["dram_evicted"] = result.tiers->evicted;
    object["ssd_fetched_ahead"] = result.tiers->ahead;
    object["ssd_fetched"] = result.tiers->fetched;
    object["ssd_written"] = result.tiers->written;
  }
  return object;
}

std::string format_result(const RunResult& result) {
  Table table;
  table.row("run", result.run);
  table.row("checkpoint", result.checkpoint.empty() ? "none" : result.checkpoint);
  table.row("steps", format_count(result.steps));
  table.row("samples", format_count(result.samples));
  table.row("speed", format_rate(result.samples_per_second) + " samples/s");
  table.row("time", format_span(result.train_seconds));
  table.row("table rows", format_count(result.table_rows));
  table.row("memory", format_bytes(result.memory_bytes));
  if (result.tiers) table.row("tiers", describe(*result.tiers));
  if (result.bad_rows > 0) table.row("bad rows", format_count(result.bad_rows) + " skipped");
  add_metrics(result, table);
  return fmt::format(
      "{0}\n{1}\nnext:\n"
      "  strata eval {2} --data FILE\n"
      "  strata predict {2} FILE --out predictions.tsv\n"
      "  strata export {2} exports\n",
      headline(result), table.take(), result.run);
}

}  // namespace strata::train
