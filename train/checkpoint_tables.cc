#include "train/checkpoint_tables.h"

#include <xxhash.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <optional>
#include <set>
#include <vector>

#include "base/check.h"
#include "kernels/convert.h"
#include "storage/block_file.h"
#include "storage/chained_rows.h"
#include "storage/json_integer.h"
#include "storage/npy.h"

namespace strata::train {
namespace {

using Json = nlohmann::ordered_json;

constexpr int64_t kPartBytes = int64_t{256} << 20;  // of one block file, about
constexpr const char* kRatesName = "rates.npy";

int64_t bytes_per_row(const embedding::Collection& tables, int table) {
  return tables.layout(table).row_bytes() + 8;
}

/// A power of two of parts, so that each is a whole range of shards.
int part_count(const embedding::TablesCut& cut, int table) {
  const int64_t bytes = cut.rows(table) * bytes_per_row(cut.collection(), table);
  const auto wanted = static_cast<uint64_t>(std::max<int64_t>(1, bytes / kPartBytes));
  return std::min(static_cast<int>(std::bit_ceil(wanted)), cut.collection().shards());
}

std::string folder_of(const std::string& table) { return "tables/" + storage::encode_name(table); }

std::string part_name(const std::string& folder, int part) {
  return fmt::format("{}/part-{:05}.rows", folder, part);
}

uint64_t digest_of(const std::string& table) { return XXH3_64bits(table.data(), table.size()); }

/// The step of a row's last change.
uint32_t stamp_of(const kernels::RowLayout& layout, std::span<const std::byte> row) {
  uint32_t stamp = 0;
  std::memcpy(&stamp, row.data() + layout.stamp_offset(), sizeof stamp);
  return stamp;
}

int64_t save_part(storage::Publication& publication, embedding::TablesCut& cut, int table, int part,
                  const SaveOrder& order) {
  const embedding::Collection& tables = cut.collection();
  const std::string& name = tables.config(table).name;
  const int shards = tables.shards() / part_count(cut, table);
  const storage::BlockFileHeader header{
      .layout = tables.layout(table),
      .shard_bits = std::countr_zero(static_cast<unsigned>(tables.shards())),
      .first_shard = part * shards,
      .shards = shards,
      .step = order.step,
      .table = digest_of(name)};
  auto file = publication.create(part_name(folder_of(name), part));
  storage::BlockFileWriter writer(*file, header);
  for (int shard = header.first_shard; shard < header.first_shard + shards; ++shard) {
    if (order.stop.stop_requested()) throw Error(ErrorCode::kStopped, "the checkpoint is given up");
    cut.scan(table, {shard, 1}, [&](const embedding::RowView& row) {
      if (order.since && stamp_of(header.layout, row.bytes) <= *order.since) return;
      writer.append(row.h, row.bytes.data());
    });
  }
  writer.finish();
  publication.close(std::move(file));
  return writer.rows();
}

void save_rates(storage::Publication& publication, const std::string& name,
                std::span<const float> rates) {
  auto part = publication.create(name);
  storage::write_npy_header(
      *part,
      {.type = storage::NpyType::kF32, .rows = static_cast<int64_t>(rates.size()), .cols = 0});
  part->append(std::as_bytes(rates));
  publication.close(std::move(part));
}

/// What the manifest says of one table; `rows` of it, `saved` in this directory.
Json describe(const embedding::Collection& tables, int table, int64_t rows, int64_t saved) {
  const embedding::TableConfig& config = tables.config(table);
  const kernels::RowLayout& layout = tables.layout(table);
  return {{"name", config.name},
          {"folder", folder_of(config.name)},
          {"rows", rows},
          {"saved_rows", saved},
          {"dim", layout.dim},
          {"dtype", enum_name(layout.dtype)},
          {"optimizer", config.optimizer.name()},
          {"state_floats", layout.state_floats},
          {"counter_bytes", layout.counter_bytes}};
}

bool is_finite(std::span<const std::byte> row, const kernels::RowLayout& layout) {
  bool finite = true;
  const auto check_f32 = [&](int offset, int count) {
    for (int i = 0; i < count; ++i) {
      uint32_t bits = 0;
      std::memcpy(&bits, row.data() + offset + 4 * i, 4);
      finite &= (bits & 0x7f800000u) != 0x7f800000u;
    }
  };
  if (layout.dtype == kernels::DType::kF32) {
    check_f32(0, layout.dim);
  } else {
    const uint16_t exponent = layout.dtype == kernels::DType::kBf16 ? 0x7f80 : 0x7c00;
    for (int i = 0; i < layout.dim; ++i) {
      uint16_t bits = 0;
      std::memcpy(&bits, row.data() + 2 * i, 2);
      finite &= (bits & exponent) != exponent;
    }
  }
  check_f32(layout.state_offset(), layout.state_floats);
  return finite;
}

/// Loads one table; counts what is wrong with its rows.
class TableLoader {
 public:
  TableLoader(embedding::Collection& tables, int table, const LoadOptions& options)
      : tables_(tables), table_(table), options_(options), layout_(tables.layout(table)) {}

  void load(const SavedTables& saved, const std::string& folder);
  void finish(LoadReport& report) const;
  int64_t rows() const { return rows_; }

 private:
  const std::string& table_name() const { return tables_.config(table_).name; }
  void check_header(const storage::BlockFileReader& reader, uint64_t step);
  void take(const storage::RowBlock& block, const kernels::RowLayout& saved);
  void widen(const storage::RowBlock& block, const kernels::RowLayout& saved);
  void count_nonfinite(const storage::RowBlock& block, const kernels::RowLayout& saved);

  embedding::Collection& tables_;
  int table_;
  const LoadOptions& options_;
  kernels::RowLayout layout_;
  std::vector<std::byte> widened_;
  int64_t rows_ = 0;
  int64_t without_state_ = 0;
  int64_t nonfinite_ = 0;
  uint64_t first_nonfinite_id_ = 0;
};

void TableLoader::check_header(const storage::BlockFileReader& reader, uint64_t step) {
  const storage::BlockFileHeader& header = reader.header();
  if (header.table != digest_of(table_name())) {
    throw Error(ErrorCode::kCorrupt, "{} belongs to another table", reader.path());
  }
  if (header.step != step) {
    throw Error(ErrorCode::kCorrupt, "{}: shards {}-{} are at step {}, the manifest says {}",
                reader.path(), header.first_shard, header.first_shard + header.shards - 1,
                header.step, step);
  }
  const kernels::RowLayout& saved = header.layout;
  if (saved.dim != layout_.dim || saved.dtype != layout_.dtype ||
      saved.counter_bytes != layout_.counter_bytes) {
    throw Error(ErrorCode::kConfig, "{} holds {} x {} weights, the config says {} x {}",
                reader.path(), saved.dim, enum_name(saved.dtype), layout_.dim,
                enum_name(layout_.dtype));
  }
}

void TableLoader::load(const SavedTables& saved, const std::string& folder) {
  storage::ChainedRows rows(saved.files, storage::chained_files(saved.chain, folder),
                            [&](const storage::BlockFileReader& reader, size_t link) {
                              const auto& about = saved.chain[link].manifest.about;
                              check_header(reader,
                                           storage::json_integer<uint64_t>(about.at("step")));
                            });
  storage::RowBlock block;
  while (rows.next(block)) take(block, rows.layout());
}

void TableLoader::take(const storage::RowBlock& block, const kernels::RowLayout& saved) {
  rows_ += static_cast<int64_t>(block.keys.size());
  count_nonfinite(block, saved);
  if (saved.state_floats == layout_.state_floats) {
    tables_.insert_rows(table_, block.keys, block.rows);
    return;
  }
  without_state_ += static_cast<int64_t>(block.keys.size());
  if (!options_.reinit_missing_state) return;  // finish() refuses, with the count
  widen(block, saved);
  tables_.insert_rows(table_, block.keys, widened_);
}

void TableLoader::count_nonfinite(const storage::RowBlock& block, const kernels::RowLayout& saved) {
  const auto row_bytes = static_cast<size_t>(saved.row_bytes());
  for (size_t i = 0; i < block.keys.size(); ++i) {
    if (is_finite(block.rows.subspan(i * row_bytes, row_bytes), saved)) continue;
    ++nonfinite_;
    if (nonfinite_ == 1) first_nonfinite_id_ = tables_.id_of(table_, block.keys[i]);
  }
}

/// The block's rows in the table's layout, with the state of rows that no update has touched.
void TableLoader::widen(const storage::RowBlock& block, const kernels::RowLayout& saved) {
  const auto from = static_cast<size_t>(saved.row_bytes());
  const auto to = static_cast<size_t>(layout_.row_bytes());
  const auto tail = from - static_cast<size_t>(saved.stamp_offset());
  std::vector<float> weights(static_cast<size_t>(layout_.dim));
  std::vector<float> state(static_cast<size_t>(layout_.state_floats));
  widened_.assign(block.keys.size() * to, std::byte{});
  for (size_t i = 0; i < block.keys.size(); ++i) {
    const std::byte* source = block.rows.data() + i * from;
    std::byte* target = widened_.data() + i * to;
    kernels::widen(layout_.dtype, source, layout_.dim, weights.data());
    tables_.config(table_).optimizer.init_state(weights.data(), state.data(), layout_.dim);
    std::memcpy(target, source, static_cast<size_t>(layout_.weight_bytes()));
    std::memcpy(target + layout_.state_offset(), state.data(), state.size() * 4);
    std::memcpy(target + layout_.stamp_offset(), source + saved.stamp_offset(), tail);
  }
}

void TableLoader::finish(LoadReport& report) const {
  report.rows += rows_;
  if (without_state_ > 0 && !options_.reinit_missing_state) {
    throw Error(ErrorCode::kCorrupt,
                "table '{}': optimizer state is missing for {} of {} keys "
                "(--reinit-missing-state starts it afresh)",
                table_name(), without_state_, rows_);
  }
  report.reinitialised_rows += without_state_;
  if (nonfinite_ == 0) return;
  const std::string text =
      fmt::format("table '{}': {} of {} rows are not finite, the first is key {}", table_name(),
                  nonfinite_, rows_, first_nonfinite_id_);
  if (!options_.allow_nonfinite) {
    throw Error(ErrorCode::kCorrupt, "{} (--allow-nonfinite loads them)", text);
  }
  report.nonfinite_rows += nonfinite_;
  if (report.nonfinite_example.empty()) report.nonfinite_example = text;
}

std::vector<float> read_rates(const storage::FileSystem& files, const std::string& name) {
  const storage::NpyReader reader(files.open(name));
  if (reader.header().type != storage::NpyType::kF32 || reader.header().cols != 0) {
    throw Error(ErrorCode::kCorrupt, "{} is not a list of fp32", reader.path());
  }
  std::vector<float> rates(static_cast<size_t>(reader.header().rows));
  reader.read_rows(0, std::as_writable_bytes(std::span(rates)));
  return rates;
}

void load_table(const SavedTables& saved, const Json& entry, embedding::Collection& tables,
                const LoadOptions& options, LoadReport& report) {
  const auto name = entry.at("name").get<std::string>();
  const auto folder = entry.at("folder").get<std::string>() + "/";
  const int table = tables.find_table(name);
  if (table < 0) {
    throw Error(ErrorCode::kConfig, "table '{}' of the checkpoint is not in the config", name);
  }
  tables.clear(table);
  TableLoader loader(tables, table, options);
  loader.load(saved, folder);
  const auto& [directory, manifest] = saved.chain.back();
  if (manifest.find(folder + kRatesName) != nullptr) {
    const std::string path = storage::join_name(directory, folder + kRatesName);
    tables.set_rate_history(table, read_rates(saved.files, path));
  }
  if (loader.rows() != storage::json_integer<int64_t>(entry.at("rows"))) {
    throw Error(ErrorCode::kCorrupt, "table '{}': {} rows, the manifest says {}", name,
                loader.rows(), storage::json_integer<int64_t>(entry.at("rows")));
  }
  loader.finish(report);
}

}  // namespace

int64_t planned_table_bytes(const embedding::TablesCut& cut) {
  const embedding::Collection& tables = cut.collection();
  int64_t bytes = 0;
  for (int table = 0; table < tables.tables(); ++table) {
    bytes += cut.rows(table) * bytes_per_row(tables, table);
    bytes += 32 * int64_t{tables.shards()};  // block heads, at worst one per shard
    bytes += 4 * static_cast<int64_t>(cut.rate_history(table).size());
  }
  return bytes;
}

Json save_tables(storage::Publication& publication, embedding::TablesCut& cut,
                 const SaveOrder& order) {
  const embedding::Collection& tables = cut.collection();
  Json list = Json::array();
  for (int table = 0; table < tables.tables(); ++table) {
    const int parts = part_count(cut, table);
    int64_t saved = 0;
    for (int part = 0; part < parts; ++part) {
      saved += save_part(publication, cut, table, part, order);
    }
    const int64_t rows = cut.rows(table);
    STRATA_CHECK(order.since || saved == rows, "rows of a cut", table, saved, rows);
    const std::span<const float> rates = cut.rate_history(table);
    const std::string folder = folder_of(tables.config(table).name);
    if (!rates.empty()) save_rates(publication, folder + "/" + kRatesName, rates);
    list.push_back(describe(tables, table, rows, saved));
  }
  return list;
}

void load_tables(const SavedTables& saved, embedding::Collection& tables,
                 const LoadOptions& options, LoadReport& report) {
  std::set<std::string> loaded;
  for (const Json& entry : saved.chain.back().manifest.about.at("tables")) {
    load_table(saved, entry, tables, options, report);
    loaded.insert(entry.at("name").get<std::string>());
  }
  for (int table = 0; table < tables.tables(); ++table) {
    if (loaded.contains(tables.config(table).name)) continue;
    throw Error(ErrorCode::kConfig, "table '{}' of the config is not in the checkpoint",
                tables.config(table).name);
  }
}

}  // namespace strata::train
