#include <xxhash.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "base/check.h"
#include "base/error.h"
#include "data/block_index.h"

namespace strata::data {
namespace {

class FileSource final : public BlockSource {
 public:
  explicit FileSource(BlockIndex index) : index_(std::move(index)) {}

  std::span<const Block> blocks() const override { return index_.blocks; }
  const std::string& file_name(int file) const override { return at(file).path; }
  bool in_order_only(int file) const override { return at(file).compression != Compression::kNone; }

  int64_t read(int64_t number, char* out) override {
    const Block& block = index_.blocks[static_cast<size_t>(number)];
    STRATA_CHECK(!block.overlong, "text of an overlong line, block", number);
    if (in_order_only(block.file)) {
      read_streamed(block, out);
    } else {
      read_plain(block, out);
    }
    return block.bytes;
  }

  uint64_t digest() const override {
    std::string text;
    for (const IndexedFile& file : index_.files) {
      const std::string name = std::filesystem::path(file.path).filename().string();
      text += fmt::format("{}\n{} {}\n", name, file.bytes, file.lines);
    }
    return XXH3_64bits(text.data(), text.size());
  }

 private:
  const IndexedFile& at(int file) const { return index_.files[static_cast<size_t>(file)]; }

  [[noreturn]] void fail_changed(int file) const {
    throw Error{ErrorCode::kData, "{}: the file changed while it was being read", at(file).path};
  }

  void check_size(const InputFile& file, int number) const {
    const int64_t now = file.bytes();
    if (now == at(number).bytes) return;
    throw Error{ErrorCode::kData, "{}: the file changed while it was being read: {} bytes, then {}",
                file.path(), at(number).bytes, now};
  }

  void read_plain(const Block& block, char* out) const {
    const InputFile file(at(block.file).path);
    check_size(file, block.file);
    if (file.read_at(block.offset, out, block.bytes) != block.bytes) fail_changed(block.file);
  }

  /// Goes on where the last block of the same file ended, else starts the file again.
  void read_streamed(const Block& block, char* out) {
    if (stream_ == nullptr || stream_file_ != block.file || stream_offset_ > block.offset) {
      check_size(InputFile(at(block.file).path), block.file);
      stream_ = open_text(at(block.file).path, index_.max_expansion);
      stream_file_ = block.file;
      stream_offset_ = 0;
    }
    skip_stream_to(block.offset);
    const auto bytes = static_cast<size_t>(block.bytes);
    if (stream_->read({out, bytes}) != block.bytes) fail_changed(block.file);
    stream_offset_ += block.bytes;
  }

  void skip_stream_to(int64_t offset) {
    std::vector<char> skipped(
        static_cast<size_t>(std::min<int64_t>(offset - stream_offset_, 256 << 10)));
    while (stream_offset_ < offset) {
      const auto step =
          static_cast<size_t>(std::min<int64_t>(std::ssize(skipped), offset - stream_offset_));
      const int64_t got = stream_->read(std::span(skipped).first(step));
      if (got == 0) fail_changed(stream_file_);
      stream_offset_ += got;
    }
  }

  BlockIndex index_;
  std::unique_ptr<TextStream> stream_;  // of the compressed file read last
  int32_t stream_file_ = -1;
  int64_t stream_offset_ = 0;
};

}  // namespace

std::unique_ptr<BlockSource> open_files(BlockIndex index) {
  return std::make_unique<FileSource>(std::move(index));
}

}  // namespace strata::data
