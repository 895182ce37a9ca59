// Readers of files that may be hostile: whatever the bytes are, the result is data or an Error.
// The first byte selects the reader.

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>

#include "base/error.h"
#include "data/schema.h"
#include "serving/golden.h"
#include "serving/network_json.h"
#include "storage/block_file.h"
#include "storage/manifest.h"
#include "storage/npy.h"
#include "storage/safetensors.h"
#include "train/trainer_state.h"

namespace {

using namespace strata;

/// A file whose content is the fuzzer's.
class FuzzedFile final : public storage::ReadableFile {
 public:
  explicit FuzzedFile(std::string content)
      : ReadableFile("fuzzed", static_cast<int64_t>(content.size())),
        content_(std::move(content)) {}
  int64_t read_once(int64_t offset, std::span<std::byte> out) const override {
    if (offset < 0 || offset >= bytes()) return 0;
    const size_t n = std::min(out.size(), content_.size() - static_cast<size_t>(offset));
    std::memcpy(out.data(), content_.data() + offset, n);
    return static_cast<int64_t>(n);
  }

 private:
  std::string content_;
};

std::unique_ptr<FuzzedFile> file_of(const std::string& content) {
  return std::make_unique<FuzzedFile>(content);
}

void read_blocks(const std::string& content) {
  storage::BlockFileReader reader(file_of(content));
  storage::RowBlock block;
  while (reader.next(block)) {
  }
}

void read_npy(const std::string& content) {
  const storage::NpyReader reader(file_of(content));
  std::vector<std::byte> rows(
      static_cast<size_t>(reader.header().rows * reader.header().row_bytes()));
  reader.read_rows(0, rows);
}

void read_safetensors(const std::string& content) {
  const storage::SafetensorsReader reader(file_of(content));
  for (const storage::TensorInfo& tensor : reader.tensors()) {
    std::vector<float> values(static_cast<size_t>(tensor.size));
    reader.read(tensor, values);
  }
}

void read_json(const std::string& content) {
  const auto json = nlohmann::ordered_json::parse(content, nullptr, false);
  if (!json.is_discarded()) serving::network_config_from_json(json);
}

void read_schema(const std::string& content) {
  const auto json = nlohmann::json::parse(content, nullptr, false);
  if (!json.is_discarded()) data::schema_from_json(json);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  if (size == 0) return 0;
  const std::string content(reinterpret_cast<const char*>(bytes) + 1, size - 1);
  try {
    switch (bytes[0] % 7) {
      case 0:
        storage::parse_manifest(content, "fuzzed");
        break;
      case 1:
        read_blocks(content);
        break;
      case 2:
        read_npy(content);
        break;
      case 3:
        read_safetensors(content);
        break;
      case 4:
        read_json(content);
        break;
      case 5:
        read_schema(content);
        break;
      default:
        train::trainer_state_from_json(content);
    }
  } catch (const Error&) {
    return 0;
  }
  return 0;
}
