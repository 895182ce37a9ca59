#include "storage/npy.h"

#include <algorithm>
#include <charconv>
#include <string_view>

#include "base/check.h"

namespace strata::storage {
namespace {

constexpr std::string_view kMagic("\x93NUMPY\x01\x00", 8);
constexpr int64_t kPreambleBytes = 10;  // magic, version, u16 length of the dictionary
constexpr int64_t kAlignment = 64;

/// Walks the text of the header's dictionary; every mismatch is a corrupt file.
class Scanner {
 public:
  Scanner(std::string_view text, const std::string& path) : text_(text), path_(path) {}

  void expect(std::string_view literal) {
    if (!accept(literal)) fail();
  }
  bool accept(std::string_view literal) {
    if (!text_.starts_with(literal)) return false;
    text_.remove_prefix(literal.size());
    return true;
  }
  int64_t count() {
    int64_t value = 0;
    const auto [end, failed] = std::from_chars(text_.data(), text_.data() + text_.size(), value);
    if (failed != std::errc() || value < 0) fail();
    text_.remove_prefix(static_cast<size_t>(end - text_.data()));
    return value;
  }
  NpyType type() {
    for (const auto& [type, name] : EnumNames<NpyType>::kNames) {
      if (accept(name)) return type;
    }
    fail();
  }
  [[noreturn]] void fail() const {
    throw Error(ErrorCode::kCorrupt, "{}: not an array as Strata writes it", path_);
  }
  std::string_view rest() const { return text_; }

 private:
  std::string_view text_;
  const std::string& path_;
};

NpyHeader parse_dictionary(std::string_view text, const std::string& path) {
  Scanner scanner(text, path);
  NpyHeader header;
  scanner.expect("{'descr': '");
  header.type = scanner.type();
  scanner.expect("', 'fortran_order': False, 'shape': (");
  header.rows = scanner.count();
  scanner.expect(",");
  if (scanner.accept(" ")) {
    header.cols = scanner.count();
    if (header.cols == 0) scanner.fail();
  }
  scanner.expect("), }");
  if (scanner.rest().find_first_not_of(' ') != scanner.rest().size() - 1 ||
      !scanner.rest().ends_with('\n')) {
    scanner.fail();
  }
  return header;
}

}  // namespace

void write_npy_header(PartWriter& part, const NpyHeader& header) {
  STRATA_CHECK(header.rows >= 0 && header.cols >= 0, "shape", header.rows, header.cols);
  const std::string shape = header.cols == 0 ? fmt::format("({},)", header.rows)
                                             : fmt::format("({}, {})", header.rows, header.cols);
  std::string text = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': {}, }}",
                                 enum_name(header.type), shape);
  const int64_t used = kPreambleBytes + static_cast<int64_t>(text.size()) + 1;
  text.append(static_cast<size_t>((kAlignment - used % kAlignment) % kAlignment), ' ');
  text.push_back('\n');
  const auto length = static_cast<uint16_t>(text.size());
  part.append(kMagic);
  part.append(std::as_bytes(std::span(&length, 1)));
  part.append(text);
  part.add_rows(header.rows);
}

NpyReader::NpyReader(std::unique_ptr<ReadableFile> file) : file_(std::move(file)) {
  std::string preamble(kPreambleBytes, '\0');
  file_->read(0, std::as_writable_bytes(std::span(preamble)));
  Scanner scanner(preamble, path());
  scanner.expect(kMagic);
  const auto low = static_cast<uint8_t>(scanner.rest()[0]);
  const auto high = static_cast<uint8_t>(scanner.rest()[1]);
  std::string text(static_cast<size_t>(low + 256 * high), '\0');
  file_->read(kPreambleBytes, std::as_writable_bytes(std::span(text)));
  header_ = parse_dictionary(text, path());
  data_offset_ = kPreambleBytes + static_cast<int64_t>(text.size());
  int64_t row_bytes = 0;
  int64_t bytes = 0;
  const int64_t cols = std::max<int64_t>(1, header_.cols);
  if (__builtin_mul_overflow(cols, npy_type_bytes(header_.type), &row_bytes) ||
      __builtin_mul_overflow(row_bytes, header_.rows, &bytes) ||
      bytes != file_->bytes() - data_offset_) {
    throw Error(ErrorCode::kCorrupt, "{}: {} bytes of data, its header says {} rows of {} columns",
                path(), file_->bytes() - data_offset_, header_.rows, cols);
  }
}

void NpyReader::read_rows(int64_t begin, std::span<std::byte> out) const {
  const int64_t rows = static_cast<int64_t>(out.size()) / header_.row_bytes();
  STRATA_CHECK(begin >= 0 && begin + rows <= header_.rows, "rows", begin, rows);
  STRATA_CHECK(rows * header_.row_bytes() == static_cast<int64_t>(out.size()), "whole rows");
  file_->read(data_offset_ + begin * header_.row_bytes(), out);
}

}  // namespace strata::storage
