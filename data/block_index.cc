#include "data/block_index.h"

#include <algorithm>
#include <cstring>
#include <span>
#include <utility>

#include "base/error.h"

namespace strata::data {
namespace {

constexpr int64_t kPieceBytes = 256 << 10;
constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";

/// Line ends in text[0 … bytes); the inner loop is vectorised by the compiler.
int64_t count_line_ends(const char* text, int64_t bytes) {
  int64_t count = 0;
  for (int64_t i = 0; i < bytes;) {
    const int64_t end = std::min<int64_t>(bytes, i + 255);
    uint8_t part = 0;  // at most 255 steps: cannot wrap
    for (; i < end; ++i) part = static_cast<uint8_t>(part + (text[i] == '\n'));
    count += part;
  }
  return count;
}

/// Cuts one file into blocks while its text goes by.
class FileScanner {
 public:
  FileScanner(int32_t file, int64_t block_bytes, BlockIndex& index)
      : file_(file), block_bytes_(block_bytes), index_(index) {}

  /// Text before `offset` belongs to no block: byte-order mark, header line.
  void skip_to(int64_t offset, bool header) {
    block_.offset = line_begin_ = offset;
    next_line_ = header ? 2 : 1;
  }

  /// The text [offset, offset + bytes) of the file; pieces come in order.
  void take(const char* text, int64_t offset, int64_t bytes) {
    const char* first = static_cast<const char*>(memchr(text, '\n', static_cast<size_t>(bytes)));
    if (first == nullptr) return;
    const int64_t first_end = offset + (first - text) + 1;
    if (first_end - line_begin_ - 1 > kMaxLineBytes) {
      end_overlong_line(first_end);
    } else {
      add_lines(1, first_end);
    }
    const int64_t rest = offset + bytes - first_end;
    if (rest == 0) return close_full_block();
    const char* last =
        static_cast<const char*>(memrchr(first + 1, '\n', static_cast<size_t>(rest)));
    if (last != nullptr) {
      const int64_t last_end = offset + (last - text) + 1;
      add_lines(count_line_ends(first + 1, last - first), last_end);
    }
    close_full_block();
  }

  /// Whether the line that is open at `offset` is too long already.
  bool inside_overlong_line(int64_t offset) const { return offset - line_begin_ > kMaxLineBytes; }

  /// The file ends at `offset`; its last line may lack an end.
  void finish(int64_t offset) {
    if (inside_overlong_line(offset)) {
      end_overlong_line(offset);
    } else if (offset > line_begin_) {
      add_lines(1, offset);
    }
    close_block();
  }

 private:
  void add_lines(int64_t lines, int64_t end) {
    block_.lines += lines;
    line_begin_ = end;
  }

  /// The overlong line gets a block of its own, and the lines before it theirs.
  void end_overlong_line(int64_t end) {
    close_block();
    block_.overlong = true;
    add_lines(1, end);
    close_block();
  }

  void close_full_block() {
    if (line_begin_ - block_.offset >= block_bytes_) close_block();
  }

  void close_block() {
    if (block_.lines > 0) {
      block_.file = file_;
      block_.bytes = line_begin_ - block_.offset;
      block_.first_line = next_line_;
      block_.first_row = index_.rows;
      next_line_ += block_.lines;
      index_.rows += block_.lines;
      index_.files[static_cast<size_t>(file_)].lines += block_.lines;
      index_.blocks.push_back(block_);
    }
    block_ = Block{.offset = line_begin_};
  }

  int32_t file_;
  int64_t block_bytes_;
  BlockIndex& index_;
  Block block_;
  int64_t line_begin_ = 0;  // of the line that has not ended yet
  int64_t next_line_ = 1;   // number of the first line of the open block
};

/// Bytes before the first row; fills `file.header`.
int64_t skip_head(std::string_view text, bool header, IndexedFile& file) {
  const int64_t mark = text.starts_with(kByteOrderMark) ? std::ssize(kByteOrderMark) : 0;
  if (!header) return mark;
  const size_t end = text.find('\n');
  if (end == std::string_view::npos && std::ssize(text) >= kPieceBytes) {
    throw Error{ErrorCode::kData, "{}:1: the header line is longer than 256 KiB", file.path};
  }
  file.header = text.substr(static_cast<size_t>(mark), end - static_cast<size_t>(mark));
  if (file.header.ends_with('\r')) file.header.pop_back();
  return end == std::string_view::npos ? std::ssize(text) : static_cast<int64_t>(end) + 1;
}

void index_file(int32_t number, const IndexOptions& options, BlockIndex& index) {
  IndexedFile& file = index.files[static_cast<size_t>(number)];
  {
    const InputFile opened(file.path);
    file.bytes = opened.bytes();
    file.compression = detect_compression(opened);
  }
  const int64_t piece = std::min(kPieceBytes, options.block_bytes);
  std::vector<char> buffer(static_cast<size_t>(kPieceBytes));
  const auto stream = open_text(file.path, options.max_expansion);
  FileScanner scanner(number, options.block_bytes, index);
  int64_t got = stream->read(buffer);
  int64_t offset = 0;
  const int64_t head = skip_head({buffer.data(), static_cast<size_t>(got)}, options.header, file);
  scanner.skip_to(head, options.header);
  while (got > 0) {
    for (int64_t i = std::max<int64_t>(head - offset, 0); i < got; i += piece) {
      scanner.take(buffer.data() + i, offset + i, std::min(piece, got - i));
    }
    offset += got;
    if (scanner.inside_overlong_line(offset)) offset += stream->skip_hole();
    got = stream->read(buffer);
  }
  scanner.finish(offset);
}

}  // namespace

BlockIndex index_files(const std::vector<std::string>& paths, const IndexOptions& options) {
  BlockIndex index;
  index.max_expansion = options.max_expansion;
  for (const std::string& path : paths) index.files.push_back({.path = path, .header = {}});
  for (size_t i = 0; i < paths.size(); ++i) {
    index_file(static_cast<int32_t>(i), options, index);
    if (index.files[i].lines == 0) {
      throw Error{ErrorCode::kData, "{}: has no rows{}", paths[i],
                  index.files[i].bytes == 0       ? " (0 bytes)"
                  : index.files[i].header.empty() ? ""
                                                  : " (only a header line)"};
    }
  }
  return index;
}

}  // namespace strata::data
