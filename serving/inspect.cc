#include "serving/inspect.h"

#include <algorithm>
#include <cmath>
#include <span>

#include "serving/contents.h"
#include "storage/safetensors.h"

namespace strata::serving {
namespace {

using Json = nlohmann::ordered_json;

double norm_of(std::span<const float> values) {
  double squares = 0;
  for (const float v : values) squares += static_cast<double>(v) * v;
  return std::sqrt(squares);
}

TableFigures read_figures(const Contents& contents, const TableSummary& table) {
  TableFigures figures{.name = table.name,
                       .rows = 0,
                       .bytes = table.bytes,
                       .dim = table.layout.dim,
                       .dtype = std::string(enum_name(table.layout.dtype)),
                       .optimizer = table.optimizer};
  const auto stream = contents.open_table(table);
  const auto dim = static_cast<size_t>(table.layout.dim);
  TableChunk chunk;
  while (stream->next(chunk)) {
    figures.rows += static_cast<int64_t>(chunk.keys.size());
    for (size_t at = 0; at < chunk.weights.size(); at += dim) {
      const double norm = norm_of(chunk.weights.subspan(at, dim));
      if (!std::isfinite(norm)) {
        ++figures.nonfinite_rows;
        continue;
      }
      if (norm == 0) ++figures.zero_rows;
      figures.mean_norm += norm;
      figures.max_norm = std::max(figures.max_norm, norm);
    }
  }
  const int64_t counted = figures.rows - figures.nonfinite_rows;
  if (counted > 0) figures.mean_norm /= static_cast<double>(counted);
  return figures;
}

TensorFigures read_figures(const storage::SafetensorsReader& reader, const std::string& file,
                           const storage::TensorInfo& tensor) {
  TensorFigures figures{.file = file, .name = tensor.name, .shape = tensor.shape};
  std::vector<float> values(static_cast<size_t>(tensor.size));
  reader.read(tensor, values);
  double squares = 0;
  for (const float v : values) {
    if (!std::isfinite(v)) {
      ++figures.nonfinite;
      continue;
    }
    squares += static_cast<double>(v) * v;
    figures.max_abs = std::max(figures.max_abs, std::abs(static_cast<double>(v)));
  }
  figures.norm = std::sqrt(squares);
  return figures;
}

/// "auc 0.915222, logloss 0.299489": what is defined of the last evaluation.
std::string metrics_text(const Json& metrics) {
  std::string text;
  for (const auto& [name, value] : metrics.items()) {
    if (!value.is_number()) continue;
    const std::string number =
        value.is_number_float() ? fmt::format("{:.6g}", value.get<double>()) : value.dump();
    text += fmt::format("{}{} {}", text.empty() ? "" : ", ", name, number);
  }
  return text;
}

/// Width of the column of table names.
size_t name_width(const Inspection& inspection) {
  size_t width = 24;
  for (const TableFigures& t : inspection.tables) width = std::max(width, t.name.size());
  return width;
}

}  // namespace

Inspection inspect(const std::string& path) {
  const Contents contents = open_contents(path);
  const storage::Manifest& manifest = contents.manifest;
  const auto metrics = manifest.about.find("metrics");
  Inspection inspection{.path = path,
                        .directory = contents.directory,
                        .kind = contents.is_export() ? "export" : "checkpoint",
                        .format = manifest.format,
                        .step = contents.step,
                        .samples = contents.samples,
                        .bytes = 0,
                        .metrics = metrics == manifest.about.end() ? Json() : *metrics,
                        .tables = {},
                        .tensors = {}};
  for (const storage::ManifestFile& file : manifest.files) inspection.bytes += file.bytes;
  for (const TableSummary& table : contents.tables) {
    inspection.tables.push_back(read_figures(contents, table));
  }
  for (const std::string& name : contents.dense_files()) {
    const storage::SafetensorsReader reader(
        contents.files->open(storage::join_name(contents.directory, name)));
    for (const storage::TensorInfo& tensor : reader.tensors()) {
      inspection.tensors.push_back(read_figures(reader, name, tensor));
    }
  }
  return inspection;
}

std::string to_text(const Inspection& inspection) {
  std::string text = fmt::format(
      "{} {}{}{}: format {}, step {}, {} samples, {:.1f} MiB\n", inspection.kind, inspection.path,
      inspection.directory.empty() ? "" : "/", inspection.directory, inspection.format,
      inspection.step, inspection.samples, static_cast<double>(inspection.bytes) / (1 << 20));
  if (inspection.metrics.is_object()) {
    text += fmt::format("last evaluation: {}\n", metrics_text(inspection.metrics));
  }
  const size_t width = name_width(inspection);
  text += fmt::format("{:<{}} {:>12} {:>5} {:>5} {:>10} {:>10} {:>10} {:>8}  {}\n", "table", width,
                      "rows", "dim", "dtype", "MiB", "mean norm", "max norm", "zeros", "optimizer");
  for (const TableFigures& t : inspection.tables) {
    text += fmt::format(
        "{:<{}} {:>12} {:>5} {:>5} {:>10.2f} {:>10.4g} {:>10.4g} {:>8}  {}{}\n", t.name, width,
        t.rows, t.dim, t.dtype, static_cast<double>(t.bytes) / (1 << 20), t.mean_norm, t.max_norm,
        t.zero_rows, t.optimizer.empty() ? "-" : t.optimizer,
        t.nonfinite_rows == 0 ? "" : fmt::format("  {} rows not finite", t.nonfinite_rows));
  }
  for (const TensorFigures& t : inspection.tensors) {
    text += fmt::format("{}: {} {} norm {:.4g}, largest {:.4g}{}\n", t.file, t.name,
                        storage::shape_text(t.shape), t.norm, t.max_abs,
                        t.nonfinite == 0 ? "" : fmt::format(", {} not finite", t.nonfinite));
  }
  return text;
}

Json to_json(const Inspection& inspection) {
  Json tables = Json::array();
  for (const TableFigures& t : inspection.tables) {
    tables.push_back({{"name", t.name},
                      {"rows", t.rows},
                      {"bytes", t.bytes},
                      {"dim", t.dim},
                      {"dtype", t.dtype},
                      {"optimizer", t.optimizer},
                      {"mean_norm", t.mean_norm},
                      {"max_norm", t.max_norm},
                      {"zero_rows", t.zero_rows},
                      {"nonfinite_rows", t.nonfinite_rows}});
  }
  Json tensors = Json::array();
  for (const TensorFigures& t : inspection.tensors) {
    tensors.push_back({{"file", t.file},
                       {"name", t.name},
                       {"shape", t.shape},
                       {"norm", t.norm},
                       {"max_abs", t.max_abs},
                       {"nonfinite", t.nonfinite}});
  }
  return {{"path", inspection.path},     {"directory", inspection.directory},
          {"kind", inspection.kind},     {"format", inspection.format},
          {"step", inspection.step},     {"samples", inspection.samples},
          {"bytes", inspection.bytes},   {"metrics", inspection.metrics},
          {"tables", std::move(tables)}, {"tensors", std::move(tensors)}};
}

}  // namespace strata::serving
