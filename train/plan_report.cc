#include "train/plan_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>
#include <vector>

#include "train/memory_limit.h"
#include "train/progress.h"

namespace strata::train {
namespace {

using Json = nlohmann::ordered_json;

std::string bytes_text(double bytes) { return format_bytes(std::llround(bytes)); }
std::string bytes_text(const std::optional<double>& bytes) {
  return bytes ? bytes_text(*bytes) : "?";
}

std::string rows_of(const std::optional<double>& rows) {
  return rows ? format_count(std::llround(*rows)) : "?";
}

Json whole(const std::optional<double>& value) {
  return value ? Json(std::llround(*value)) : Json(nullptr);
}

/// Of the keys that batches ask for, all tables with an SSD tier together.
struct Pooled {
  double asked = 0, misses = 0, created = 0;
};

Pooled pooled(const Plan& plan) {
  Pooled sum;
  for (const TablePlan& table : plan.tables) {
    if (!table.cache) continue;
    sum.asked += table.cache->asked;
    sum.misses += table.cache->misses;
    sum.created += table.cache->created;
  }
  return sum;
}

double hit_rate(double asked, double misses) { return asked > 0 ? 1 - misses / asked : 1; }

Json cache_json(const CacheForecast& cache) {
  return {{"rows", std::llround(cache.rows)},
          {"asked", std::llround(cache.asked)},
          {"misses", std::llround(cache.misses)},
          {"created", std::llround(cache.created)},
          {"evicted", std::llround(cache.evicted)},
          {"misses_per_batch", cache.misses_per_batch},
          {"hit_rate", hit_rate(cache.asked, cache.misses)}};
}

Json table_json(const TablePlan& table) {
  Json out = {{"name", table.config.name},
              {"rows", whole(table.rows)},
              {"bytes_per_row",
               {{"weights", table.row.weights},
                {"state", table.row.state},
                {"stamp", table.row.stamp},
                {"index", table.row.index},
                {"overhead", table.row.overhead},
                {"total", table.row.total()}}},
              {"dram_bytes", whole(table.dram_bytes)},
              {"checkpoint_bytes", whole(table.checkpoint_bytes)}};
  if (table.config.tiers.ssd) out["ssd_bytes"] = whole(table.ssd_bytes);
  if (table.cache) out["dram"] = cache_json(*table.cache);
  return out;
}

/// The sum of a figure over the tables; nothing where one of them has none.
template <class Figure>
std::optional<double> sum(const Plan& plan, Figure figure) {
  double total = 0;
  for (const TablePlan& table : plan.tables) {
    const std::optional<double> part = figure(table);
    if (!part) return {};
    total += *part;
  }
  return total;
}

std::string table_row(const std::string& name, const std::string& rows, const std::string& row,
                      const std::string& dram, const std::string& rest) {
  return fmt::format("  {:<16} {:>14} {:>7} {:>11}{}\n", name, rows, row, dram, rest);
}

std::string cache_columns(const TablePlan& table) {
  if (!table.config.tiers.ssd) return "";
  return fmt::format(
      " {:>11} {:>8}", bytes_text(table.ssd_bytes),
      table.cache ? fmt::format("{:.1f} %", 100 * hit_rate(table.cache->asked, table.cache->misses))
                  : "?");
}

std::string line(const char* name, double bytes) {
  return bytes > 0 ? fmt::format("  {:<28} {:>11}\n", name, bytes_text(bytes)) : "";
}

std::string format_tables(const Plan& plan) {
  bool tiered = false;
  for (const TablePlan& table : plan.tables) tiered |= table.config.tiers.ssd.has_value();
  std::string out = table_row("table", "rows", "B/row", "DRAM",
                              tiered ? fmt::format(" {:>11} {:>8}", "SSD", "hits") : "");
  for (const TablePlan& table : plan.tables) {
    out +=
        table_row(table.config.name, rows_of(table.rows), fmt::format("{:.0f}", table.row.total()),
                  bytes_text(table.dram_bytes), cache_columns(table));
  }
  const auto rows = sum(plan, [](const TablePlan& table) { return table.rows; });
  const auto dram = sum(plan, [](const TablePlan& table) { return table.dram_bytes; });
  const Pooled cache = pooled(plan);
  const std::string hits = cache.asked > 0
                               ? fmt::format(" {:>11} {:>6.1f} %", bytes_text(plan.disk.ssd),
                                             100 * hit_rate(cache.asked, cache.misses))
                               : "";
  return out + table_row("all", rows_of(rows), "", bytes_text(dram), hits);
}

/// Of each layout once, with the first table that has it.
std::string format_rows(const Plan& plan) {
  std::vector<std::pair<const TablePlan*, int>> layouts;
  for (const TablePlan& table : plan.tables) {
    const auto known = std::ranges::find_if(
        layouts, [&](const auto& layout) { return layout.first->row == table.row; });
    if (known == layouts.end()) {
      layouts.emplace_back(&table, 1);
    } else {
      ++known->second;
    }
  }
  std::string out = "\nbytes of a row in DRAM\n";
  for (const auto& [table, tables] : layouts) {
    const embedding::RowBytes& row = table->row;
    const std::string name = tables == 1
                                 ? table->config.name
                                 : fmt::format("{} and {} more", table->config.name, tables - 1);
    out += fmt::format(
        "  {:<16} {:.0f} weights, {:.0f} state, {:.0f} stamp, {:.1f} key and index, {:.1f} "
        "overhead\n",
        name, row.weights, row.state, row.stamp, row.index, row.overhead);
  }
  return out;
}

}  // namespace

Json to_json(const Plan& plan) {
  Json tables = Json::array();
  for (const TablePlan& table : plan.tables) tables.push_back(table_json(table));
  const MemoryPlan& memory = plan.memory;
  const DiskPlan& disk = plan.disk;
  Json out = {{"basis", plan.basis},
              {"data_rows", plan.data_rows},
              {"steps", plan.steps},
              {"rows_known", plan.rows_known},
              {"rows", whole(sum(plan, [](const TablePlan& table) { return table.rows; }))},
              {"tables", std::move(tables)},
              {"memory",
               {{"process", std::llround(memory.process)},
                {"dense", std::llround(memory.dense)},
                {"tables", std::llround(memory.tables)},
                {"budgets", std::llround(memory.budgets)},
                {"databases", std::llround(memory.databases)},
                {"reserve", std::llround(memory.reserve)},
                {"growth", std::llround(memory.growth)},
                {"checkpoint", std::llround(memory.checkpoint)},
                {"steady", std::llround(memory.steady())},
                {"peak", std::llround(memory.peak())},
                {"limit", plan.limit_bytes}}},
              {"disk",
               {{"ssd", std::llround(disk.ssd)},
                {"checkpoint", std::llround(disk.checkpoint)},
                {"checkpoints", std::llround(disk.checkpoints)},
                {"written_per_step", std::llround(disk.written_per_step)}}}};
  const Pooled cache = pooled(plan);
  if (cache.asked > 0) out["dram_hit_rate"] = hit_rate(cache.asked, cache.misses);
  return out;
}

std::string format_plan(const Plan& plan) {
  const MemoryPlan& memory = plan.memory;
  std::string out = fmt::format("{} steps over {}\n\n", format_count(plan.steps), plan.basis);
  out += format_tables(plan) + format_rows(plan);
  out += "\nmemory\n";
  out += line("process, reader, batches", memory.process);
  out += line("dense part", memory.dense);
  out += line("tables in DRAM alone", memory.tables);
  out += line("tables in DRAM over an SSD", memory.budgets);
  out += line("RocksDB", memory.databases);
  out += line("in all", memory.steady());
  out += line("more by tiers.dram, .memory", memory.reserve);
  out += line("more while tables grow", memory.growth);
  out += line("more during a checkpoint", memory.checkpoint);
  out += line("at the most", memory.peak());
  out += line("memory.limit", static_cast<double>(plan.limit_bytes));
  out += "\ndisk\n";
  out += line("tiers.ssd", plan.disk.ssd);
  out += line("written there each step", plan.disk.written_per_step);
  out += line("one checkpoint", plan.disk.checkpoint);
  out += line("checkpoints, one unfinished", plan.disk.checkpoints);
  if (!plan.rows_known) {
    out +=
        "\n?: nothing says how many keys these tables will meet; name data.train or "
        "--histogram\n";
  }
  return out;
}

std::string plan_line(const Plan& plan) {
  const auto rows = sum(plan, [](const TablePlan& table) { return table.rows; });
  const Pooled cache = pooled(plan);
  std::string out = fmt::format("plan: {} table rows{}, memory {}{} of {}, checkpoint {}",
                                rows_of(rows), plan.rows_known ? "" : " (not known)",
                                plan.rows_known ? "" : "at least ", bytes_text(plan.memory.peak()),
                                format_bytes(plan.limit_bytes), bytes_text(plan.disk.checkpoint));
  if (plan.disk.ssd > 0) out += ", SSD " + bytes_text(plan.disk.ssd);
  if (cache.asked > 0) {
    out += fmt::format(", {:.1f} % of keys in DRAM", 100 * hit_rate(cache.asked, cache.misses));
  }
  return out + fmt::format(" ({})", plan.basis);
}

}  // namespace strata::train
