#include "serving/export.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/error.h"
#include "serving/export_onnx.h"
#include "serving/export_tables.h"
#include "serving/golden.h"
#include "serving/network_json.h"
#include "serving/score.h"
#include "storage/json_integer.h"
#include "storage/publication.h"
#include "storage/safetensors.h"

namespace strata::serving {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kWeightsName = "dense/model.safetensors";
constexpr const char* kOnnxName = "dense/model.onnx";
constexpr const char* kSchemaName = "schema.yaml";
constexpr const char* kGoldenName = "golden.jsonl";
constexpr const char* kRunConfigName = "config.resolved.yaml";
constexpr int64_t kMaxEvalBatchSize = 1 << 24;  // as train.eval_batch_size
constexpr int64_t kMaxEvalChunks = 1 << 16;
constexpr int64_t kTextLimitBytes = int64_t{64} << 20;
constexpr double kSameRowsTolerance = 1e-6;
constexpr double kNarrowRowsTolerance = 1e-2;

/// The version after the last one, damaged ones included.
std::string next_version(const storage::FileSystem& exports) {
  int64_t last = 0;
  for (const storage::Entry& entry : exports.list("")) {
    const std::string_view name = entry.name;
    int64_t number = 0;
    if (!name.starts_with('v')) continue;
    const auto [end, failed] = std::from_chars(name.data() + 1, name.data() + name.size(), number);
    if (failed == std::errc() && end == name.data() + name.size()) last = std::max(last, number);
  }
  return fmt::format("v{:06}", last + 1);
}

int64_t planned_bytes(const ExportSource& source, const ExportOptions& options) {
  const embedding::Collection& tables = source.network.collection();
  int64_t bytes = 1 << 20;
  for (int table = 0; table < tables.tables(); ++table) {
    const int64_t row_bytes = 8 + int64_t{tables.config(table).dim} * dtype_bytes(options.rows);
    bytes += tables.usage(table).rows * row_bytes;
  }
  for (const dense::ParameterInfo& tensor : source.network.parameters().tensors()) {
    bytes += 8 * tensor.size() + 512;
  }
  return bytes;
}

void write_dense(storage::Publication& publication, const dense::Parameters& parameters) {
  std::vector<storage::TensorRef> tensors;
  for (const dense::ParameterInfo& tensor : parameters.tensors()) {
    const std::span<const float> weights = parameters.weights(tensor);
    tensors.push_back({tensor.name, tensor.shape, weights});
    if (std::ranges::all_of(weights, [](float w) { return std::isfinite(w); })) continue;
    throw Error(ErrorCode::kDiverged, "dense tensor '{}' is not finite", tensor.name);
  }
  auto part = publication.create(kWeightsName);
  storage::write_safetensors(*part, tensors);
  publication.close(std::move(part));
}

void read_dense(const storage::FileSystem& files, const std::string& directory,
                dense::Parameters& parameters) {
  const storage::SafetensorsReader reader(files.open(storage::join_name(directory, kWeightsName)));
  for (const dense::ParameterInfo& tensor : parameters.tensors()) {
    const storage::TensorInfo* found = reader.find(tensor.name);
    if (found == nullptr || found->shape != tensor.shape) {
      throw Error(ErrorCode::kCorrupt, "{}: no tensor '{}' of this model's shape", reader.path(),
                  tensor.name);
    }
    reader.read(*found, parameters.weights(tensor));
  }
  parameters.weights_changed();
}

data::Schema read_schema(const storage::FileSystem& files, const std::string& directory) {
  const std::string name = storage::join_name(directory, kSchemaName);
  // JSON is YAML: what is written for people to read as YAML is parsed strictly as JSON.
  const auto json = nlohmann::json::parse(storage::read_text(files, name, kTextLimitBytes), nullptr,
                                          /*allow_exceptions=*/false);
  if (json.is_discarded()) {
    throw Error(ErrorCode::kCorrupt, "{} is not as Strata writes it", files.path(name));
  }
  return with_context(files.path(name), [&] { return data::schema_from_json(json); });
}

std::unique_ptr<models::Network> build_network(const storage::FileSystem& files,
                                               const std::string& directory, const Json& about) {
  try {
    auto network = std::make_unique<models::Network>(network_config_from_json(about.at("network")));
    for (const Json& entry : about.at("tables")) {
      load_table(files, directory, entry, network->collection());
    }
    read_dense(files, directory, network->parameters());
    return network;
  } catch (const nlohmann::json::exception& e) {
    throw Error(ErrorCode::kCorrupt, "{}: {}", files.path(directory), e.what());
  }
}

/// Loads what was just written and asks it the golden requests.
double replay(const storage::FileSystem& files, const std::string& directory, const Json& about,
              const data::Schema& schema, ThreadPool& pool) {
  const auto network = build_network(files, directory, about);
  const std::string text =
      storage::read_text(files, storage::join_name(directory, kGoldenName), kTextLimitBytes);
  return replay_golden(*network, parse_golden(text, schema), pool);
}

bool narrows_rows(const embedding::Collection& tables, kernels::DType rows) {
  for (int table = 0; table < tables.tables(); ++table) {
    if (rows != kernels::DType::kF32 && tables.config(table).dtype != rows) return true;
  }
  return false;
}

/// A count of at most `most` that the manifest says, or may leave out.
void read_count(const Json& about, const char* name, int64_t most, int64_t& count) {
  const auto found = about.find(name);
  if (found == about.end()) return;
  count = found->is_number_integer() ? found->get<int64_t>() : 0;
  if (count < 1 || count > most) {
    throw Error(ErrorCode::kCorrupt, "manifest.json: {} makes no sense", name);
  }
}

EvalBatches read_eval_batches(const Json& about) {
  EvalBatches eval;
  read_count(about, "eval_batch_size", kMaxEvalBatchSize, eval.size);
  read_count(about, "eval_chunks", kMaxEvalChunks, eval.chunks);
  return eval;
}

Json describe(const ExportSource& source, const std::string& parent) {
  return {{"step", source.step},
          {"samples", source.samples},
          {"eval_batch_size", source.eval.size},
          {"eval_chunks", source.eval.chunks},
          {"strata", STRATA_VERSION},
          {"parent", parent.empty() ? Json() : Json(parent)},
          {"keys", "h = mix64(id xor XXH3-64(table name))"},
          {"schema_digest", fmt::format("{:016x}", source.schema.digest())},
          {"metrics", source.metrics},
          {"network", to_json(source.network.config())},
          {"tables", Json::array()}};
}

}  // namespace

void refuse_run_folder(const storage::FileSystem& exports) {
  for (const storage::Entry& entry : exports.list("")) {
    const bool of_a_run = entry.name.starts_with("checkpoint-") || entry.name == kRunConfigName;
    if (!of_a_run) continue;
    throw Error(ErrorCode::kUsage, "{} is the folder of a run: exports need a folder of their own",
                exports.root());
  }
}

nlohmann::ordered_json to_json(const ExportReport& report) {
  return {{"version", report.version}, {"tables", report.tables},
          {"rows", report.rows},       {"omitted_rows", report.omitted_rows},
          {"bytes", report.bytes},     {"golden_error", report.golden_error},
          {"onnx", report.onnx}};
}

ExportReport export_network(storage::FileSystem& exports, const ExportSource& source,
                            const ExportOptions& options, ThreadPool& pool) {
  refuse_run_folder(exports);
  storage::remove_leftovers(exports);
  storage::require_space(exports, planned_bytes(source, options), "an export");
  ExportReport report;
  report.version = next_version(exports);
  const std::string parent = storage::read_current(exports).value_or("");
  storage::Publication publication(exports, report.version, std::string(storage::kExportMagic));
  Json about = describe(source, parent);
  const embedding::Collection& tables = source.network.collection();
  const TableExport rows{.tables = tables, .rows = options.rows, .part_rows = options.part_rows};
  for (int table = 0; table < tables.tables(); ++table) {
    const Json entry = export_table(publication, rows, table);
    report.rows += storage::json_integer<int64_t>(entry.at("rows"));
    report.omitted_rows += storage::json_integer<int64_t>(entry.at("omitted_rows"));
    about["tables"].push_back(entry);
  }
  report.tables = tables.tables();
  write_dense(publication, source.network.parameters());
  const OnnxModel onnx = make_onnx(source.network);
  publication.write(kOnnxName, onnx.bytes);
  about["onnx"] = {{"inputs", onnx.inputs}, {"output", "logit"}};
  publication.write(kSchemaName, data::to_json(source.schema).dump(2) + "\n");
  Scorer scorer(source.network, static_cast<uint32_t>(source.step + 1), pool);
  const Batch golden = make_golden_batch(source.network, source.schema);
  publication.write(kGoldenName, golden_text(golden, scorer.score(golden), source.schema));
  report.golden_error = replay(exports, publication.temporary_name(), about, source.schema, pool);
  const double tolerance =
      narrows_rows(tables, options.rows) ? kNarrowRowsTolerance : kSameRowsTolerance;
  if (!(report.golden_error <= tolerance)) {
    throw Error(ErrorCode::kDiverged,
                "the export answers its golden requests with an error of {}; at most {} is allowed",
                report.golden_error, tolerance);
  }
  about["golden"] = {{"requests", golden.size}, {"tolerance", tolerance}};
  report.bytes = publication.bytes();
  publication.publish(std::move(about));
  return report;
}

LoadedExport load_export(const storage::FileSystem& files, const std::string& directory) {
  storage::require_intact(files, directory, storage::kExportMagic);
  LoadedExport loaded;
  loaded.manifest = storage::read_manifest(files, directory, storage::kExportMagic);
  const auto step = loaded.manifest.about.find("step");
  if (step == loaded.manifest.about.end() || !step->is_number_unsigned()) {
    throw Error(ErrorCode::kCorrupt, "{}: its manifest has no step", files.path(directory));
  }
  loaded.step = storage::json_integer<int64_t>(*step);
  loaded.eval = read_eval_batches(loaded.manifest.about);
  loaded.schema = read_schema(files, directory);
  loaded.network = build_network(files, directory, loaded.manifest.about);
  return loaded;
}

}  // namespace strata::serving
