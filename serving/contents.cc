#include "serving/contents.h"

#include <xxhash.h>

#include <algorithm>
#include <string>
#include <utility>

#include "base/error.h"
#include "base/hash.h"
#include "kernels/convert.h"
#include "serving/directory.h"
#include "serving/export_tables.h"
#include "storage/chained_rows.h"
#include "storage/json_integer.h"
#include "storage/npy.h"
#include "storage/publication.h"

namespace strata::serving {
namespace {

using Json = nlohmann::ordered_json;

constexpr int64_t kChunkRows = 8192;

/// Rows of a checkpoint's block files, those of all it builds upon merged.
class BlockStream final : public TableStream {
 public:
  BlockStream(const Contents& contents, const TableSummary& table)
      : rows_(*contents.files, storage::chained_files(contents.chain, table.folder + "/"),
              [layout = table.layout](const storage::BlockFileReader& reader, size_t) {
                if (reader.header().layout.dim == layout.dim &&
                    reader.header().layout.dtype == layout.dtype) {
                  return;
                }
                throw Error(ErrorCode::kCorrupt, "{}: its rows are not those of the manifest",
                            reader.path());
              }) {}

  bool next(TableChunk& out) override {
    storage::RowBlock block;
    if (!rows_.next(block)) return false;
    const kernels::RowLayout& layout = rows_.layout();
    const auto dim = static_cast<size_t>(layout.dim);
    const auto row_bytes = static_cast<size_t>(layout.row_bytes());
    weights_.resize(block.keys.size() * dim);
    for (size_t i = 0; i < block.keys.size(); ++i) {
      kernels::widen(layout.dtype, block.rows.data() + i * row_bytes, layout.dim,
                     weights_.data() + i * dim);
    }
    out = {.keys = block.keys, .rows = block.rows, .weights = weights_};
    return true;
  }

 private:
  storage::ChainedRows rows_;
  std::vector<float> weights_;
};

/// Rows of an export's parts.
class NpyStream final : public TableStream {
 public:
  NpyStream(const storage::FileSystem& files, std::string folder, int64_t parts,
            const kernels::RowLayout& layout)
      : files_(files), folder_(std::move(folder)), parts_(parts), layout_(layout) {}

  bool next(TableChunk& out) override {
    while (!keys_ || begin_ == keys_->header().rows) {
      if (part_ == parts_) return false;
      open_part();
    }
    const int64_t count = std::min(kChunkRows, keys_->header().rows - begin_);
    ids_.resize(static_cast<size_t>(count));
    stored_.resize(static_cast<size_t>(count * rows_->header().row_bytes()));
    weights_.resize(static_cast<size_t>(count * layout_.dim));
    keys_->read_rows(begin_, std::as_writable_bytes(std::span(ids_)));
    rows_->read_rows(begin_, stored_);
    kernels::widen(layout_.dtype, stored_.data(), count * layout_.dim, weights_.data());
    begin_ += count;
    out = {.keys = ids_, .rows = stored_, .weights = weights_};
    return true;
  }

 private:
  void open_part() {
    keys_ = std::make_unique<storage::NpyReader>(files_.open(keys_name(folder_, part_)));
    rows_ = std::make_unique<storage::NpyReader>(files_.open(rows_name(folder_, part_)));
    const int64_t row_bytes = int64_t{layout_.dim} * kernels::dtype_bytes(layout_.dtype);
    if (keys_->header().type != storage::NpyType::kU64 || keys_->header().cols != 0 ||
        rows_->header().rows != keys_->header().rows || rows_->header().row_bytes() != row_bytes) {
      throw Error(ErrorCode::kCorrupt, "{} and its keys are not as the manifest says",
                  rows_->path());
    }
    begin_ = 0;
    ++part_;
  }

  const storage::FileSystem& files_;
  std::string folder_;
  int64_t parts_;
  kernels::RowLayout layout_;
  int64_t part_ = 0;
  int64_t begin_ = 0;
  std::unique_ptr<storage::NpyReader> keys_;
  std::unique_ptr<storage::NpyReader> rows_;
  std::vector<uint64_t> ids_;
  std::vector<std::byte> stored_;
  std::vector<float> weights_;
};

TableSummary summarise(const Json& entry, const storage::Manifest& manifest) {
  TableSummary table;
  table.name = entry.at("name").get<std::string>();
  table.folder = entry.at("folder").get<std::string>();
  table.rows = storage::json_integer<int64_t>(entry.at("rows"));
  table.layout.dim = storage::json_integer<int>(entry.at("dim"));
  table.layout.state_floats = entry.value("state_floats", 0);
  table.layout.counter_bytes = entry.value("counter_bytes", 0);
  table.optimizer = entry.value("optimizer", std::string());
  bool known = false;
  for (const auto& [dtype, name] : EnumNames<kernels::DType>::kNames) {
    if (entry.at("dtype") != name) continue;
    table.layout.dtype = dtype;
    known = true;
  }
  if (!known || table.layout.dim < 1 || !storage::is_clean_name(table.folder)) {
    throw Error(ErrorCode::kCorrupt, "the manifest's table '{}' makes no sense", table.name);
  }
  for (const storage::ManifestFile& file : manifest.files) {
    if (file.name.starts_with(table.folder + "/")) table.bytes += file.bytes;
  }
  return table;
}

}  // namespace

uint64_t Contents::id_of(const TableSummary& table, uint64_t key) const {
  if (is_export()) return key;
  return unmix64(key) ^ XXH3_64bits(table.name.data(), table.name.size());
}

std::unique_ptr<TableStream> Contents::open_table(const TableSummary& table) const {
  if (!is_export()) return std::make_unique<BlockStream>(*this, table);
  const auto parts = std::ranges::count_if(manifest.files, [&](const storage::ManifestFile& file) {
    return file.name.starts_with(table.folder + "/") && file.name.ends_with(".keys.npy");
  });
  return std::make_unique<NpyStream>(*files, storage::join_name(directory, table.folder), parts,
                                     table.layout);
}

std::vector<std::string> Contents::dense_files() const {
  std::vector<std::string> names;
  for (const storage::ManifestFile& file : manifest.files) {
    if (file.name.ends_with(".safetensors")) names.push_back(file.name);
  }
  return names;
}

Contents open_contents(const std::string& path) {
  storage::OpenedDirectory opened = open_directory(path);
  Contents contents{.files = std::move(opened.files),
                    .directory = std::move(opened.name),
                    .manifest = {},
                    .chain = {},
                    .step = 0,
                    .samples = 0,
                    .tables = {}};
  contents.chain = storage::require_intact_chain(*contents.files, contents.directory, "");
  contents.manifest = contents.chain.back().manifest;
  try {
    contents.step = storage::json_integer<int64_t>(contents.manifest.about.at("step"));
    contents.samples = contents.manifest.about.value("samples", int64_t{0});
    for (const Json& entry : contents.manifest.about.at("tables")) {
      contents.tables.push_back(summarise(entry, contents.manifest));
    }
  } catch (const nlohmann::json::exception& e) {
    throw Error(ErrorCode::kCorrupt, "{}: the manifest: {}", path, e.what());
  }
  return contents;
}

}  // namespace strata::serving
