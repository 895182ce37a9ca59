#include "train/memory_limit.h"

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <limits>
#include <vector>

namespace strata::train {
namespace {

constexpr double kIndexBytesPerKey = 24;  // bucket, load factor and the copy while a run grows
constexpr int kNamedTables = 3;
constexpr double kNearBytes = 256 << 20;  // this near the limit, every check looks at the process
constexpr int kChecksBetweenLooks = 64;
constexpr double kPassReserveBytes = 64 << 20;  // scratch, stacks and compiled kernels of a pass

/// Pages of /proc/self/statm.
struct ProcessPages {
  int64_t total = 0;
  int64_t resident = 0;
};

ProcessPages process_pages() {
  std::ifstream file("/proc/self/statm");
  ProcessPages pages;
  return file >> pages.total >> pages.resident ? pages : ProcessPages{};
}

int64_t cgroup_limit_bytes() {
  std::ifstream file("/sys/fs/cgroup/memory.max");
  int64_t bytes = 0;
  return file >> bytes ? bytes : INT64_MAX;
}

[[noreturn]] void refuse(std::string_view limit) {
  throw Error{ErrorCode::kConfig,
              "memory.limit: '{}' is neither a share of the machine (80%) nor a size (16GiB)",
              limit};
}

/// 0 for a unit that is none.
int64_t unit_bytes(std::string_view unit) {
  constexpr std::pair<std::string_view, int> kShifts[] = {
      {"", 0},     {"B", 0},  {"k", 10}, {"K", 10},   {"KiB", 10}, {"M", 20},  {"m", 20},
      {"MiB", 20}, {"G", 30}, {"g", 30}, {"GiB", 30}, {"T", 40},   {"TiB", 40}};
  for (const auto& [name, shift] : kShifts) {
    if (unit == name) return int64_t{1} << shift;
  }
  return 0;
}

/// What the rows of `keys` would cost if all of them were new, as a bound on what they do cost.
double growth_bytes(const embedding::Collection& collection, const embedding::KeyedBatch& keys) {
  double bytes = 0;
  for (int table = 0; table < collection.tables(); ++table) {
    const double row = collection.layout(table).row_bytes() + kIndexBytesPerKey;
    const embedding::TiersConfig& tiers = collection.config(table).tiers;
    double most = row * static_cast<double>(keys.unique(table));
    if (tiers.ssd && tiers.dram) {
      const int64_t left = tiers.dram->value - collection.usage(table).bytes();
      most = std::clamp(static_cast<double>(left), 0.0, most);
    }
    bytes += most;
  }
  return bytes;
}

std::string largest_tables(const embedding::Collection& collection) {
  std::vector<std::pair<int64_t, int>> by_bytes;
  by_bytes.reserve(static_cast<size_t>(collection.tables()));
  for (int table = 0; table < collection.tables(); ++table) {
    by_bytes.emplace_back(collection.usage(table).bytes(), table);
  }
  std::sort(by_bytes.rbegin(), by_bytes.rend());
  std::string text;
  for (int i = 0; i < std::min<int>(kNamedTables, static_cast<int>(by_bytes.size())); ++i) {
    const auto& [bytes, table] = by_bytes[i];
    text += fmt::format("{}{} ({} rows, {})", i == 0 ? "" : ", ", collection.config(table).name,
                        collection.usage(table).rows, format_bytes(bytes));
  }
  return text;
}

bool has_rows(const embedding::Collection& collection) {
  for (int table = 0; table < collection.tables(); ++table) {
    if (collection.usage(table).rows > 0) return true;
  }
  return false;
}

/// The process is above `limit` with `growth` bytes to come, and no table has a row.
[[noreturn]] void refuse_setup(int64_t limit, int64_t used, double growth) {
  const double needed = (static_cast<double>(used) + growth + kPassReserveBytes) / (1 << 20);
  throw MemoryLimitError{
      ErrorCode::kResource,
      fmt::format("memory.limit of {} is too small to begin: {} are in use before the first row, "
                  "and the rows of the first batch may take {}. The smallest memory.limit with "
                  "room for one pass is {:.0f}MiB. What helps too: a smaller data.window_blocks, "
                  "data.prefetch or train.batch_size",
                  format_bytes(limit), format_bytes(used),
                  format_bytes(static_cast<int64_t>(growth)), std::ceil(needed))};
}

}  // namespace

int64_t machine_memory_bytes() {
  const int64_t ram = int64_t{sysconf(_SC_PHYS_PAGES)} * sysconf(_SC_PAGESIZE);
  return std::min(ram, cgroup_limit_bytes());
}

int64_t resident_bytes() { return process_pages().resident * sysconf(_SC_PAGESIZE); }

int64_t parse_memory_limit(std::string_view limit, int64_t machine_bytes) {
  double number = 0;
  const auto [end, error] = std::from_chars(limit.data(), limit.data() + limit.size(), number);
  if (error != std::errc{} || !(number > 0) || !std::isfinite(number)) refuse(limit);
  std::string_view unit(end, limit.data() + limit.size() - end);
  while (!unit.empty() && unit.front() == ' ') unit.remove_prefix(1);
  double bytes = 0;
  if (unit == "%") {
    if (number > 100) refuse(limit);
    bytes = number / 100 * static_cast<double>(machine_bytes);
  } else {
    bytes = number * static_cast<double>(unit_bytes(unit));
  }
  if (bytes < 1 || bytes > 0x1p62) refuse(limit);
  return static_cast<int64_t>(bytes);
}

double require_address_space(double bytes) {
  rlimit limit{};
  if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
    return std::numeric_limits<double>::infinity();
  }
  const auto used = static_cast<double>(process_pages().total * sysconf(_SC_PAGESIZE));
  const auto allowed = static_cast<double>(limit.rlim_cur);
  const double left = allowed - used - bytes - kPassReserveBytes;
  if (left >= 0) return left;
  throw MemoryLimitError{
      ErrorCode::kResource,
      fmt::format("the address space of this process is limited to {} (ulimit -v), {} are in use "
                  "and the next pass may need {}",
                  format_bytes(static_cast<int64_t>(allowed)),
                  format_bytes(static_cast<int64_t>(used)),
                  format_bytes(static_cast<int64_t>(bytes + kPassReserveBytes)))};
}

void MemoryLimit::check_setup() const {
  const int64_t used = resident_bytes();
  if (used > limit_bytes_) refuse_setup(limit_bytes_, used, 0);
}

void MemoryLimit::check(const embedding::Collection& collection,
                        const embedding::KeyedBatch& keys) {
  const double growth = growth_bytes(collection, keys);
  if (growth <= far_bytes_ && checks_left_ > 0) {
    far_bytes_ -= growth;
    --checks_left_;
    return;
  }
  const double address_room = require_address_space(growth);
  const int64_t used = resident_bytes();
  const double room = static_cast<double>(limit_bytes_) - static_cast<double>(used) - growth;
  if (room < 0) {
    if (!has_rows(collection)) refuse_setup(limit_bytes_, used, growth);
    throw MemoryLimitError{
        ErrorCode::kResource,
        fmt::format("memory.limit of {} is reached: {} are in use, and the rows of the next batch "
                    "may take {}. Largest tables: {}. What helps: a smaller tables.<name>.dim, "
                    "tables.<name>.dtype bf16, an optimizer with less state (rowwise_adagrad, "
                    "sgd), data.columns keys: hashed with fewer buckets, or a higher memory.limit",
                    format_bytes(limit_bytes_), format_bytes(used),
                    format_bytes(static_cast<int64_t>(growth)), largest_tables(collection))};
  }
  far_bytes_ = std::min(room, address_room) - kNearBytes;
  checks_left_ = kChecksBetweenLooks;
}

std::string format_bytes(int64_t bytes) {
  constexpr const char* kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  auto value = static_cast<double>(bytes);
  int unit = 0;
  for (; value >= 1024 && unit < 6; ++unit) value /= 1024;
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, kUnits[unit]);
}

}  // namespace strata::train
