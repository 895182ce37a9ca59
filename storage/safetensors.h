#pragma once
// Named fp32 tensors in the safetensors format: u64 length of a JSON header, the header, the data.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "storage/file_system.h"
#include "storage/publication.h"

namespace strata::storage {

inline constexpr int64_t kTensorHeaderLimitBytes = 16ll << 20;

/// A tensor to be written; row-major.
struct TensorRef {
  std::string name;
  std::vector<int64_t> shape;
  std::span<const float> values;
};

/// Writes the whole file: tensors in the given order, names distinct.
void write_safetensors(PartWriter& part, std::span<const TensorRef> tensors);

/// A tensor of a file.
struct TensorInfo {
  std::string name;
  std::vector<int64_t> shape;
  int64_t offset = 0;  // of its first byte in the file
  int64_t size = 0;    // elements
};

/// "[512, 13]".
std::string shape_text(std::span<const int64_t> shape);

/// Reads a file that holds fp32 tensors only. Any number of threads.
class SafetensorsReader {
 public:
  /// Reads and checks the header: limits, names, shapes, and that the tensors cover the data
  /// exactly. Throws Error{corrupt}.
  explicit SafetensorsReader(std::unique_ptr<ReadableFile> file);

  const std::vector<TensorInfo>& tensors() const { return tensors_; }  // ascending by offset
  const TensorInfo* find(std::string_view name) const;
  const std::string& path() const { return file_->path(); }

  /// All elements of a tensor; out.size() == tensor.size.
  void read(const TensorInfo& tensor, std::span<float> out) const;

 private:
  std::unique_ptr<ReadableFile> file_;
  std::vector<TensorInfo> tensors_;
};

}  // namespace strata::storage
