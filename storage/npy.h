#pragma once
// Arrays in NumPy's .npy format (version 1.0): what an export's tables are made of.

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "base/fields.h"
#include "storage/file_system.h"
#include "storage/publication.h"

namespace strata::storage {

/// Element types an export uses; little-endian. bf16 has no NumPy type and is stored as kU16.
enum class NpyType : uint8_t { kU64, kF32, kF16, kU16 };

constexpr int npy_type_bytes(NpyType type) {
  return type == NpyType::kU64 ? 8 : type == NpyType::kF32 ? 4 : 2;
}

/// Shape and type of an array: [rows] when cols is 0, else [rows, cols], row-major.
struct NpyHeader {
  NpyType type = NpyType::kF32;
  int64_t rows = 0;
  int64_t cols = 0;
  int64_t row_bytes() const { return npy_type_bytes(type) * (cols == 0 ? 1 : cols); }
  bool operator==(const NpyHeader&) const = default;
};

/// Appends the header; rows * row_bytes bytes must follow. Counts the rows for the manifest.
void write_npy_header(PartWriter& part, const NpyHeader& header);

/// Reads an array piece by piece. Any number of threads.
class NpyReader {
 public:
  /// Reads and checks the header against the file's size. Throws Error{corrupt}.
  explicit NpyReader(std::unique_ptr<ReadableFile> file);

  const NpyHeader& header() const { return header_; }
  const std::string& path() const { return file_->path(); }

  /// Rows [begin, begin + out.size() / row_bytes) as they are stored.
  void read_rows(int64_t begin, std::span<std::byte> out) const;

 private:
  std::unique_ptr<ReadableFile> file_;
  NpyHeader header_;
  int64_t data_offset_ = 0;
};

}  // namespace strata::storage

template <>
struct strata::EnumNames<strata::storage::NpyType> {
  using enum strata::storage::NpyType;
  static constexpr std::pair<strata::storage::NpyType, std::string_view> kNames[] = {
      {kU64, "<u8"}, {kF32, "<f4"}, {kF16, "<f2"}, {kU16, "<u2"}};
};
