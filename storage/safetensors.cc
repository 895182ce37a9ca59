#include "storage/safetensors.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/check.h"

namespace strata::storage {
namespace {

using Json = nlohmann::ordered_json;

[[noreturn]] void corrupt(const std::string& path, std::string_view why) {
  throw Error(ErrorCode::kCorrupt, "{}: {}", path, why);
}

bool is_count(const Json& json) {
  return json.is_number_unsigned() && json.get<uint64_t>() <= static_cast<uint64_t>(INT64_MAX);
}

/// Data offsets [begin, end) of an entry, relative to the data.
std::pair<int64_t, int64_t> read_offsets(const Json& entry, const std::string& where) {
  const auto offsets = entry.find("data_offsets");
  if (offsets == entry.end() || !offsets->is_array() || offsets->size() != 2 ||
      !is_count((*offsets)[0]) || !is_count((*offsets)[1])) {
    corrupt(where, "no data_offsets");
  }
  return {(*offsets)[0].get<int64_t>(), (*offsets)[1].get<int64_t>()};
}

TensorInfo read_entry(const std::string& name, const Json& entry, const std::string& path) {
  const std::string where = fmt::format("{}: tensor '{}'", path, name);
  if (!entry.is_object() || !entry.contains("dtype") || entry["dtype"] != "F32") {
    corrupt(where, "not of dtype F32");
  }
  const auto shape = entry.find("shape");
  if (shape == entry.end() || !shape->is_array() || shape->size() > 8) corrupt(where, "no shape");
  TensorInfo tensor{.name = name, .shape = {}, .offset = 0, .size = 1};
  for (const Json& extent : *shape) {
    if (!is_count(extent)) corrupt(where, "no shape");
    tensor.shape.push_back(extent.get<int64_t>());
    if (__builtin_mul_overflow(tensor.size, tensor.shape.back(), &tensor.size)) {
      corrupt(where, "its size overflows");
    }
  }
  const auto [begin, end] = read_offsets(entry, where);
  int64_t bytes = 0;
  if (__builtin_mul_overflow(tensor.size, int64_t{4}, &bytes) || end < begin ||
      bytes != end - begin) {
    corrupt(where, "shape and data_offsets disagree");
  }
  tensor.offset = begin;
  return tensor;
}

}  // namespace

std::string shape_text(std::span<const int64_t> shape) {
  std::string text;
  for (const int64_t extent : shape) text += fmt::format("{}{}", text.empty() ? "[" : ", ", extent);
  return text.empty() ? "[]" : text + "]";
}

void write_safetensors(PartWriter& part, std::span<const TensorRef> tensors) {
  Json header = Json::object();
  int64_t offset = 0;
  for (const TensorRef& tensor : tensors) {
    int64_t size = 1;
    for (const int64_t extent : tensor.shape) size *= extent;
    STRATA_CHECK(size == static_cast<int64_t>(tensor.values.size()), "shape of", tensor.name);
    STRATA_CHECK(!header.contains(tensor.name), "tensor written twice", tensor.name);
    header[tensor.name] = {
        {"dtype", "F32"}, {"shape", tensor.shape}, {"data_offsets", {offset, offset + 4 * size}}};
    offset += 4 * size;
  }
  std::string text = header.dump();
  text.append((8 - text.size() % 8) % 8, ' ');
  const uint64_t length = text.size();
  part.append(std::as_bytes(std::span(&length, 1)));
  part.append(text);
  for (const TensorRef& tensor : tensors) part.append(std::as_bytes(tensor.values));
}

SafetensorsReader::SafetensorsReader(std::unique_ptr<ReadableFile> file) : file_(std::move(file)) {
  uint64_t length = 0;
  file_->read(0, std::as_writable_bytes(std::span(&length, 1)));
  const int64_t limit = std::min(kTensorHeaderLimitBytes, file_->bytes() - 8);
  if (length > static_cast<uint64_t>(limit)) corrupt(path(), "its header does not fit");
  std::string text(length, '\0');
  file_->read(8, std::as_writable_bytes(std::span(text)));
  const Json header = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (!header.is_object()) corrupt(path(), "its header is not a JSON object");
  for (const auto& [name, entry] : header.items()) {
    if (name != "__metadata__") tensors_.push_back(read_entry(name, entry, path()));
  }
  std::ranges::stable_sort(tensors_, {}, &TensorInfo::offset);
  const int64_t data_bytes = file_->bytes() - 8 - static_cast<int64_t>(length);
  int64_t end = 0;
  for (TensorInfo& tensor : tensors_) {
    if (tensor.offset != end) corrupt(path(), "its tensors overlap or leave gaps");
    if (tensor.size > (data_bytes - end) / 4) corrupt(path(), "it ends inside a tensor");
    end += 4 * tensor.size;
    tensor.offset += 8 + static_cast<int64_t>(length);
  }
  if (end != data_bytes) corrupt(path(), "bytes after its last tensor");
}

const TensorInfo* SafetensorsReader::find(std::string_view name) const {
  const auto at = std::ranges::find(tensors_, name, &TensorInfo::name);
  return at == tensors_.end() ? nullptr : &*at;
}

void SafetensorsReader::read(const TensorInfo& tensor, std::span<float> out) const {
  STRATA_CHECK(static_cast<int64_t>(out.size()) == tensor.size, "elements of", tensor.name);
  file_->read(tensor.offset, std::as_writable_bytes(out));
}

}  // namespace strata::storage
