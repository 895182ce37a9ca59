#include "serving/export_tables.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <span>
#include <vector>

#include "base/error.h"
#include "kernels/convert.h"
#include "storage/json_integer.h"
#include "storage/npy.h"

namespace strata::serving {
namespace {

using Json = nlohmann::ordered_json;
using storage::NpyType;

/// Rows stored as bf16 have no NumPy type: their bits, as uint16.
NpyType npy_type(kernels::DType dtype) {
  switch (dtype) {
    case kernels::DType::kBf16:
      return NpyType::kU16;
    case kernels::DType::kF16:
      return NpyType::kF16;
    default:
      return NpyType::kF32;
  }
}

/// Writes the parts of one table.
class TableWriter {
 public:
  TableWriter(storage::Publication& publication, const TableExport& source, int table)
      : publication_(publication),
        source_(source),
        table_(table),
        dim_(source.tables.config(table).dim),
        folder_("tables/" + storage::encode_name(source.tables.config(table).name)) {}

  Json write();

 private:
  template <class Visit>
  void for_each_row(Visit visit);
  void collect_ids();
  bool may_be_omitted() const;
  void write_part(int64_t part, std::span<const uint64_t> ids);

  storage::Publication& publication_;
  const TableExport& source_;
  int table_;
  int dim_;
  std::string folder_;
  std::vector<uint64_t> ids_;  // ascending
  int64_t omitted_ = 0;
};

/// Calls visit(row) for every row, in the order of h.
template <class Visit>
void TableWriter::for_each_row(Visit visit) {
  source_.tables.scan(table_, source_.tables.all_shards(), visit);
}

/// FTRL's zeros are what an unseen key reads, as long as the default row is zeros.
bool TableWriter::may_be_omitted() const {
  const embedding::TableConfig& config = source_.tables.config(table_);
  return config.optimizer.name() == kernels::Ftrl::kName && config.default_row == 0;
}

void TableWriter::collect_ids() {
  const bool omit_zeros = may_be_omitted();
  std::vector<float> weights(static_cast<size_t>(dim_));
  for_each_row([&](const embedding::RowView& row) {
    if (omit_zeros) {
      source_.tables.read_weights(table_, row.bytes, weights);
      if (std::ranges::all_of(weights, [](float w) { return w == 0; })) {
        ++omitted_;
        return;
      }
    }
    ids_.push_back(row.id);
  });
  std::ranges::sort(ids_);
}

void TableWriter::write_part(int64_t part, std::span<const uint64_t> ids) {
  const auto row_floats = static_cast<size_t>(dim_);
  std::vector<float> rows(ids.size() * row_floats);
  for_each_row([&](const embedding::RowView& row) {
    if (row.id < ids.front() || row.id > ids.back()) return;
    const auto at = std::ranges::lower_bound(ids, row.id);
    if (*at != row.id) return;  // omitted
    const auto out =
        std::span(rows).subspan(static_cast<size_t>(at - ids.begin()) * row_floats, row_floats);
    source_.tables.read_weights(table_, row.bytes, out);
    if (std::ranges::all_of(out, [](float w) { return std::isfinite(w); })) return;
    throw Error(ErrorCode::kDiverged, "table '{}': the row of key {} is not finite",
                source_.tables.config(table_).name, row.id);
  });
  const auto count = static_cast<int64_t>(ids.size());
  auto keys = publication_.create(keys_name(folder_, part));
  storage::write_npy_header(*keys, {.type = NpyType::kU64, .rows = count, .cols = 0});
  keys->append(std::as_bytes(ids));
  publication_.close(std::move(keys));
  auto values = publication_.create(rows_name(folder_, part));
  storage::write_npy_header(*values, {.type = npy_type(source_.rows), .rows = count, .cols = dim_});
  if (source_.rows == kernels::DType::kF32) {
    values->append(std::as_bytes(std::span(rows)));
  } else {
    std::vector<uint16_t> narrow(rows.size());
    kernels::narrow(source_.rows, rows.data(), static_cast<int64_t>(rows.size()), narrow.data());
    values->append(std::as_bytes(std::span(narrow)));
  }
  publication_.close(std::move(values));
}

Json TableWriter::write() {
  collect_ids();
  int64_t parts = 0;
  for (size_t begin = 0; begin < ids_.size(); ++parts) {
    const size_t count = std::min(ids_.size() - begin, static_cast<size_t>(source_.part_rows));
    write_part(parts, std::span(ids_).subspan(begin, count));
    begin += count;
  }
  const embedding::TableConfig& config = source_.tables.config(table_);
  return {{"name", config.name},
          {"folder", folder_},
          {"rows", ids_.size()},
          {"omitted_rows", omitted_},
          {"dim", dim_},
          {"dtype", enum_name(source_.rows)},
          {"default_row", config.default_row},
          {"parts", parts}};
}

/// One piece of a part: as many rows as fit a small buffer.
constexpr int64_t kPieceRows = 8192;

/// Puts rows under their keys, in the order of h, as the table stores them: weights, no state.
class TableReader {
 public:
  TableReader(embedding::Collection& tables, int table, kernels::DType dtype)
      : tables_(tables), table_(table), dtype_(dtype), layout_(tables.layout(table)) {}

  void read(const storage::NpyReader& keys, const storage::NpyReader& rows);
  int64_t rows() const { return rows_; }

 private:
  void insert(std::span<const uint64_t> ids, std::span<const std::byte> stored);

  embedding::Collection& tables_;
  int table_;
  kernels::DType dtype_;
  kernels::RowLayout layout_;
  int64_t rows_ = 0;
};

void TableReader::read(const storage::NpyReader& keys, const storage::NpyReader& rows) {
  const storage::NpyHeader expected{npy_type(dtype_), keys.header().rows, layout_.dim};
  if (keys.header().type != NpyType::kU64 || keys.header().cols != 0) {
    throw Error(ErrorCode::kCorrupt, "{} is not a list of uint64", keys.path());
  }
  if (rows.header() != expected) {
    throw Error(ErrorCode::kCorrupt, "{} is not [{}, {}] of {}", rows.path(), expected.rows,
                expected.cols, enum_name(expected.type));
  }
  std::vector<uint64_t> ids;
  std::vector<std::byte> stored;
  for (int64_t begin = 0; begin < expected.rows; begin += kPieceRows) {
    const int64_t count = std::min(kPieceRows, expected.rows - begin);
    ids.resize(static_cast<size_t>(count));
    stored.resize(static_cast<size_t>(count * expected.row_bytes()));
    keys.read_rows(begin, std::as_writable_bytes(std::span(ids)));
    rows.read_rows(begin, stored);
    insert(ids, stored);
  }
  rows_ += expected.rows;
}

void TableReader::insert(std::span<const uint64_t> ids, std::span<const std::byte> stored) {
  const auto dim = static_cast<size_t>(layout_.dim);
  const auto row_bytes = static_cast<size_t>(layout_.row_bytes());
  const size_t stored_bytes = stored.size() / ids.size();
  std::vector<std::pair<uint64_t, size_t>> order;  // (h, position)
  for (size_t i = 0; i < ids.size(); ++i) order.emplace_back(tables_.hash_of(table_, ids[i]), i);
  std::ranges::sort(order);
  std::vector<uint64_t> hashes;
  std::vector<std::byte> rows(ids.size() * row_bytes);
  std::vector<float> weights(dim);
  for (const auto& [h, position] : order) {
    kernels::widen(dtype_, stored.data() + position * stored_bytes, layout_.dim, weights.data());
    std::memcpy(rows.data() + hashes.size() * row_bytes, weights.data(), dim * sizeof(float));
    hashes.push_back(h);
  }
  tables_.insert_rows(table_, hashes, rows);
}

kernels::DType stored_dtype(const Json& entry) {
  for (const auto& [dtype, name] : EnumNames<kernels::DType>::kNames) {
    if (entry.at("dtype") == name) return dtype;
  }
  throw Error(ErrorCode::kCorrupt, "the manifest's tables: unknown dtype {}",
              entry.at("dtype").dump());
}

}  // namespace

std::string keys_name(const std::string& folder, int64_t part) {
  return fmt::format("{}/part-{:05}.keys.npy", folder, part);
}

std::string rows_name(const std::string& folder, int64_t part) {
  return fmt::format("{}/part-{:05}.rows.npy", folder, part);
}

Json export_table(storage::Publication& publication, const TableExport& source, int table) {
  return TableWriter(publication, source, table).write();
}

void load_table(const storage::FileSystem& files, const std::string& directory, const Json& entry,
                embedding::Collection& tables) {
  const auto name = entry.at("name").get<std::string>();
  const int table = tables.find_table(name);
  if (table < 0 || tables.layout(table).dim != storage::json_integer<int>(entry.at("dim"))) {
    throw Error(ErrorCode::kCorrupt, "the manifest's tables: '{}' is not of the network", name);
  }
  const std::string folder = storage::join_name(directory, entry.at("folder").get<std::string>());
  TableReader reader(tables, table, stored_dtype(entry));
  for (int64_t part = 0; part < storage::json_integer<int64_t>(entry.at("parts")); ++part) {
    reader.read(storage::NpyReader(files.open(keys_name(folder, part))),
                storage::NpyReader(files.open(rows_name(folder, part))));
  }
  if (reader.rows() != storage::json_integer<int64_t>(entry.at("rows"))) {
    throw Error(ErrorCode::kCorrupt, "table '{}': {} rows, the manifest says {}", name,
                reader.rows(), storage::json_integer<int64_t>(entry.at("rows")));
  }
}

}  // namespace strata::serving
