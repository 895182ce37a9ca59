#include <isa-l/igzip_lib.h>
#include <zstd.h>

#include <memory>
#include <utility>
#include <vector>

#include "base/error.h"
#include "data/input_file.h"

namespace strata::data {
namespace {

constexpr int64_t kInputBytes = 256 << 10;  // compressed bytes read at a time

class PlainStream final : public TextStream {
 public:
  explicit PlainStream(std::unique_ptr<InputFile> file) : file_(std::move(file)) {}

  int64_t read(std::span<char> out) override {
    const int64_t got = file_->read_at(offset_, out.data(), std::ssize(out));
    offset_ += got;
    return got;
  }

  int64_t skip_hole() override {
    const int64_t end = file_->end_of_hole(offset_);
    return end - std::exchange(offset_, end);
  }

 private:
  std::unique_ptr<InputFile> file_;
  int64_t offset_ = 0;
};

/// Compressed bytes of a file, piece by piece.
class CompressedInput {
 public:
  CompressedInput(std::unique_ptr<InputFile> file, double max_expansion)
      : file_(std::move(file)), max_expansion_(max_expansion), buffer_(kInputBytes) {}

  /// The next piece; empty at the end of the file.
  std::span<char> next_piece() {
    const int64_t got = file_->read_at(offset_, buffer_.data(), kInputBytes);
    offset_ += got;
    return std::span(buffer_).first(static_cast<size_t>(got));
  }

  /// Refuses text without end from few bytes (a decompression bomb); `bytes` more were made.
  void count_text(int64_t bytes) {
    text_bytes_ += bytes;
    const double most = max_expansion_ * static_cast<double>(offset_);
    if (static_cast<double>(text_bytes_ - kFreeExpansionBytes) <= most) return;
    fail(
        fmt::format("expands to more than {} times its size; if it is meant to, set "
                    "data.max_expansion higher, or decompress it first; the limit was reached",
                    max_expansion_));
  }

  [[noreturn]] void fail(std::string_view what) const {
    throw Error{ErrorCode::kData, "{}: {} near compressed byte {}", file_->path(), what, offset_};
  }

 private:
  std::unique_ptr<InputFile> file_;
  double max_expansion_;
  std::vector<char> buffer_;
  int64_t offset_ = 0;
  int64_t text_bytes_ = 0;
};

class GzipStream final : public TextStream {
 public:
  explicit GzipStream(CompressedInput input)
      : input_(std::move(input)), state_(std::make_unique<inflate_state>()) {
    isal_inflate_init(state_.get());
    state_->crc_flag = ISAL_GZIP;
  }

  int64_t read(std::span<char> out) override {
    state_->next_out = reinterpret_cast<uint8_t*>(out.data());
    state_->avail_out = static_cast<uint32_t>(out.size());
    while (state_->avail_out > 0) {
      if (state_->avail_in == 0) refill();
      if (!inside_member_ && !start_next_member()) break;
      const uint32_t room = state_->avail_out;
      const int rc = isal_inflate(state_.get());
      if (rc != ISAL_DECOMP_OK && rc != ISAL_END_INPUT) input_.fail("damaged gzip data");
      inside_member_ = state_->block_state != ISAL_BLOCK_FINISH;
      if (inside_member_ && ended_ && state_->avail_out == room) {
        input_.fail("gzip data end too early");
      }
    }
    const int64_t made = std::ssize(out) - state_->avail_out;
    input_.count_text(made);
    return made;
  }

 private:
  void refill() {
    if (ended_) return;
    const std::span<char> piece = input_.next_piece();
    ended_ = piece.empty();
    state_->next_in = reinterpret_cast<uint8_t*>(piece.data());
    state_->avail_in = static_cast<uint32_t>(piece.size());
  }

  /// Another member or zero padding may follow a member. False at the end of the file.
  bool start_next_member() {
    while (state_->avail_in > 0 && *state_->next_in == 0) {
      ++state_->next_in;
      --state_->avail_in;
      if (state_->avail_in == 0) refill();
    }
    if (state_->avail_in == 0) return false;
    if (*state_->next_in != 0x1f) input_.fail("bytes that are not gzip after a gzip member");
    isal_inflate_reset(state_.get());
    state_->crc_flag = ISAL_GZIP;
    inside_member_ = true;
    return true;
  }

  CompressedInput input_;
  std::unique_ptr<inflate_state> state_;
  bool inside_member_ = true;
  bool ended_ = false;
};

class ZstdStream final : public TextStream {
 public:
  explicit ZstdStream(CompressedInput input)
      : input_(std::move(input)), context_(ZSTD_createDCtx()) {
    if (!context_) throw Error{ErrorCode::kResource, "zstd: out of memory"};
  }

  int64_t read(std::span<char> out) override {
    ZSTD_outBuffer to{out.data(), out.size(), 0};
    while (to.pos < to.size) {
      if (from_.pos == from_.size) refill();
      if (ended_ && !inside_frame_) break;
      const size_t before = to.pos;
      const size_t rc = ZSTD_decompressStream(context_.get(), &to, &from_);
      if (ZSTD_isError(rc)) input_.fail(ZSTD_getErrorName(rc));
      inside_frame_ = rc != 0;
      if (inside_frame_ && ended_ && to.pos == before) input_.fail("zstd data end too early");
    }
    input_.count_text(static_cast<int64_t>(to.pos));
    return static_cast<int64_t>(to.pos);
  }

 private:
  void refill() {
    if (ended_) return;
    const std::span<char> piece = input_.next_piece();
    ended_ = piece.empty();
    from_ = {piece.data(), piece.size(), 0};
  }

  struct FreeContext {
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
  };
  CompressedInput input_;
  std::unique_ptr<ZSTD_DCtx, FreeContext> context_;
  ZSTD_inBuffer from_{nullptr, 0, 0};
  bool inside_frame_ = true;
  bool ended_ = false;
};

}  // namespace

std::unique_ptr<TextStream> open_text(const std::string& path, double max_expansion) {
  auto file = std::make_unique<InputFile>(path);
  switch (detect_compression(*file)) {
    case Compression::kGzip:
      return std::make_unique<GzipStream>(CompressedInput(std::move(file), max_expansion));
    case Compression::kZstd:
      return std::make_unique<ZstdStream>(CompressedInput(std::move(file), max_expansion));
    case Compression::kNone:
      break;
  }
  return std::make_unique<PlainStream>(std::move(file));
}

}  // namespace strata::data
