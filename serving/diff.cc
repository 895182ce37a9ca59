#include "serving/diff.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <map>
#include <utility>

#include "base/error.h"
#include "serving/contents.h"
#include "storage/safetensors.h"

namespace strata::serving {
namespace {

using Json = nlohmann::ordered_json;

/// A stream of rows, one at a time.
class Cursor {
 public:
  Cursor(const Contents& contents, const TableSummary& table)
      : stream_(contents.open_table(table)), dim_(static_cast<size_t>(table.layout.dim)) {
    advance_chunk();
  }
  bool done() const { return done_; }
  uint64_t key() const { return chunk_.keys[at_]; }
  std::span<const std::byte> row() const {
    const size_t bytes = chunk_.rows.size() / chunk_.keys.size();
    return chunk_.rows.subspan(at_ * bytes, bytes);
  }
  std::span<const float> weights() const { return chunk_.weights.subspan(at_ * dim_, dim_); }
  void advance() {
    if (++at_ == chunk_.keys.size()) advance_chunk();
  }

 private:
  void advance_chunk() {
    at_ = 0;
    done_ = !stream_->next(chunk_);
  }

  std::unique_ptr<TableStream> stream_;
  size_t dim_;
  TableChunk chunk_;
  size_t at_ = 0;
  bool done_ = false;
};

/// Largest absolute difference; infinity where one of two values is not finite and they differ.
double max_difference(std::span<const float> a, std::span<const float> b) {
  double largest = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double difference = std::abs(static_cast<double>(a[i]) - b[i]);
    const bool same = std::memcmp(&a[i], &b[i], sizeof(float)) == 0;
    if (!same) largest = std::max(largest, std::isnan(difference) ? INFINITY : difference);
  }
  return largest;
}

bool same_bytes(std::span<const std::byte> a, std::span<const std::byte> b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size()) == 0;
}

/// Two things of one kind to compare; either may be absent.
template <class T>
struct Pair {
  const T* first = nullptr;
  const T* second = nullptr;
};

void compare_rows(const Contents& a, const Contents& b, const Pair<TableSummary>& tables,
                  TableDifference& out) {
  Cursor first(a, *tables.first);
  Cursor second(b, *tables.second);
  const auto note = [&](uint64_t key) {
    if (out.different_rows + out.only_first + out.only_second == 1) {
      out.example_id = a.id_of(*tables.first, key);
    }
  };
  while (!first.done() || !second.done()) {
    if (second.done() || (!first.done() && first.key() < second.key())) {
      ++out.only_first;
      note(first.key());
      first.advance();
    } else if (first.done() || second.key() < first.key()) {
      ++out.only_second;
      note(second.key());
      second.advance();
    } else {
      if (same_bytes(first.row(), second.row())) {
        ++out.equal_rows;
      } else {
        ++out.different_rows;
        note(first.key());
        out.max_abs = std::max(out.max_abs, max_difference(first.weights(), second.weights()));
      }
      first.advance();
      second.advance();
    }
  }
}

TableDifference compare(const Contents& a, const Contents& b, const Pair<TableSummary>& tables) {
  TableDifference out;
  out.name = tables.first ? tables.first->name : tables.second->name;
  if (!tables.first || !tables.second) {
    if (tables.first) out.only_first = std::max<int64_t>(1, tables.first->rows);
    if (tables.second) out.only_second = std::max<int64_t>(1, tables.second->rows);
    out.other_layout = "the table is in one of them only";
    return out;
  }
  const kernels::RowLayout& x = tables.first->layout;
  const kernels::RowLayout& y = tables.second->layout;
  if (x != y) {
    out.other_layout =
        fmt::format("{} x {} + {} state and {} x {} + {} state", x.dim, enum_name(x.dtype),
                    x.state_floats, y.dim, enum_name(y.dtype), y.state_floats);
    return out;
  }
  compare_rows(a, b, tables, out);
  return out;
}

/// Tensors of all safetensors files by (file, name).
struct DenseTensors {
  std::map<std::string, storage::SafetensorsReader> readers;
  std::map<std::pair<std::string, std::string>, const storage::TensorInfo*> tensors;

  explicit DenseTensors(const Contents& contents) {
    for (const std::string& file : contents.dense_files()) {
      const auto [at, added] = readers.try_emplace(
          file, contents.files->open(storage::join_name(contents.directory, file)));
      for (const auto& tensor : at->second.tensors()) tensors[{file, tensor.name}] = &tensor;
    }
  }
  std::vector<float> read(const std::string& file, const storage::TensorInfo& tensor) const {
    std::vector<float> values(static_cast<size_t>(tensor.size));
    readers.at(file).read(tensor, values);
    return values;
  }
};

void compare_values(std::span<const float> a, std::span<const float> b, TensorDifference& out) {
  for (size_t i = 0; i < a.size(); ++i) {
    if (std::memcmp(&a[i], &b[i], sizeof(float)) != 0) ++out.different_values;
  }
  out.max_abs = max_difference(a, b);
}

std::vector<TensorDifference> compare_dense(const Contents& a, const Contents& b) {
  const DenseTensors first(a);
  const DenseTensors second(b);
  std::map<std::pair<std::string, std::string>, Pair<storage::TensorInfo>> all;
  for (const auto& [key, tensor] : first.tensors) all[key].first = tensor;
  for (const auto& [key, tensor] : second.tensors) all[key].second = tensor;
  std::vector<TensorDifference> differences;
  for (const auto& [key, pair] : all) {
    TensorDifference out{.file = key.first, .name = key.second};
    out.only_first = pair.second == nullptr;
    out.only_second = pair.first == nullptr;
    if (pair.first && pair.second) {
      out.other_shape = pair.first->shape != pair.second->shape;
      if (!out.other_shape) {
        compare_values(first.read(key.first, *pair.first), second.read(key.first, *pair.second),
                       out);
      }
    }
    differences.push_back(std::move(out));
  }
  return differences;
}

}  // namespace

bool TableDifference::equal() const {
  return different_rows == 0 && only_first == 0 && only_second == 0 && other_layout.empty();
}

bool TensorDifference::equal() const {
  return !only_first && !only_second && !other_shape && different_values == 0;
}

bool DiffReport::equal() const {
  const auto is_equal = [](const auto& difference) { return difference.equal(); };
  return std::ranges::all_of(tables, is_equal) && std::ranges::all_of(tensors, is_equal);
}

DiffReport diff(const std::string& first, const std::string& second) {
  const Contents a = open_contents(first);
  const Contents b = open_contents(second);
  if (a.is_export() != b.is_export()) {
    throw Error(ErrorCode::kUsage, "{} is a {}, {} is a {}: they cannot be compared", first,
                a.manifest.magic, second, b.manifest.magic);
  }
  DiffReport report{.first = first,
                    .second = second,
                    .first_step = a.step,
                    .second_step = b.step,
                    .tables = {},
                    .tensors = compare_dense(a, b)};
  std::map<std::string, Pair<TableSummary>> tables;
  for (const TableSummary& table : a.tables) tables[table.name].first = &table;
  for (const TableSummary& table : b.tables) tables[table.name].second = &table;
  for (const auto& [name, pair] : tables) report.tables.push_back(compare(a, b, pair));
  return report;
}

std::string to_text(const DiffReport& report) {
  std::string text =
      fmt::format("{} (step {}) and {} (step {}): {}\n", report.first, report.first_step,
                  report.second, report.second_step, report.equal() ? "equal" : "different");
  for (const TableDifference& t : report.tables) {
    if (t.equal()) continue;
    if (!t.other_layout.empty()) {
      text += fmt::format("table {}: {}\n", t.name, t.other_layout);
      continue;
    }
    text += fmt::format(
        "table {}: {} rows equal, {} different (by at most {:.3g}), {} in the first only, {} in "
        "the "
        "second only; key {} is the first\n",
        t.name, t.equal_rows, t.different_rows, t.max_abs, t.only_first, t.only_second,
        t.example_id);
  }
  for (const TensorDifference& t : report.tensors) {
    if (t.equal()) continue;
    const char* what = t.only_first    ? "in the first only"
                       : t.only_second ? "in the second only"
                       : t.other_shape ? "of another shape"
                                       : "of other values";
    text += fmt::format("{}: {} is {}", t.file, t.name, what);
    text += t.different_values == 0
                ? "\n"
                : fmt::format(": {}, by at most {:.3g}\n", t.different_values, t.max_abs);
  }
  return text;
}

Json to_json(const DiffReport& report) {
  Json tables = Json::array();
  for (const TableDifference& t : report.tables) {
    tables.push_back({{"name", t.name},
                      {"equal", t.equal()},
                      {"equal_rows", t.equal_rows},
                      {"different_rows", t.different_rows},
                      {"only_first", t.only_first},
                      {"only_second", t.only_second},
                      {"max_abs", t.max_abs},
                      {"other_layout", t.other_layout}});
  }
  Json tensors = Json::array();
  for (const TensorDifference& t : report.tensors) {
    tensors.push_back({{"file", t.file},
                       {"name", t.name},
                       {"equal", t.equal()},
                       {"only_first", t.only_first},
                       {"only_second", t.only_second},
                       {"other_shape", t.other_shape},
                       {"different_values", t.different_values},
                       {"max_abs", t.max_abs}});
  }
  return {{"first", report.first},
          {"second", report.second},
          {"equal", report.equal()},
          {"first_step", report.first_step},
          {"second_step", report.second_step},
          {"tables", std::move(tables)},
          {"tensors", std::move(tensors)}};
}

}  // namespace strata::serving
