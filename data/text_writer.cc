#include "data/text_writer.h"

#include <isa-l/igzip_lib.h>
#include <unistd.h>
#include <zstd.h>

#include <utility>
#include <vector>

#include "base/error.h"
#include "base/output_file.h"

namespace strata::data {
namespace {

constexpr size_t kOutputBytes = 256 << 10;

class PlainWriter final : public TextWriter {
 public:
  explicit PlainWriter(const std::string& path) : file_(path) {}
  void write(std::string_view text) override { file_.write(text); }
  void finish() override { file_.finish(); }

 private:
  OutputFile file_;
};

class GzipWriter final : public TextWriter {
 public:
  explicit GzipWriter(const std::string& path)
      : file_(path),
        out_(kOutputBytes),
        level_buffer_(ISAL_DEF_LVL1_DEFAULT),
        stream_(std::make_unique<isal_zstream>()) {
    isal_deflate_init(stream_.get());
    stream_->gzip_flag = IGZIP_GZIP;
    stream_->level = 1;
    stream_->level_buf = level_buffer_.data();
    stream_->level_buf_size = static_cast<uint32_t>(level_buffer_.size());
  }

  void write(std::string_view text) override {
    constexpr size_t kMost = size_t{1} << 30;  // the library counts in 32 bits
    for (; !text.empty(); text.remove_prefix(std::min(text.size(), kMost))) {
      deflate(text.substr(0, kMost));
    }
  }

  void finish() override {
    stream_->end_of_stream = 1;
    deflate({});
    file_.finish();
  }

 private:
  void deflate(std::string_view text) {
    // The library takes a non-const pointer and does not write through it.
    stream_->next_in = reinterpret_cast<uint8_t*>(const_cast<char*>(text.data()));
    stream_->avail_in = static_cast<uint32_t>(text.size());
    do {
      stream_->next_out = reinterpret_cast<uint8_t*>(out_.data());
      stream_->avail_out = static_cast<uint32_t>(out_.size());
      if (isal_deflate(stream_.get()) != COMP_OK) throw Error{ErrorCode::kIo, "gzip failed"};
      file_.write({out_.data(), out_.size() - stream_->avail_out});
    } while (stream_->avail_out == 0);
  }

  OutputFile file_;
  std::vector<char> out_;
  std::vector<uint8_t> level_buffer_;
  std::unique_ptr<isal_zstream> stream_;
};

class ZstdWriter final : public TextWriter {
 public:
  explicit ZstdWriter(const std::string& path)
      : file_(path), out_(kOutputBytes), context_(ZSTD_createCCtx()) {
    if (!context_) throw Error{ErrorCode::kResource, "zstd: out of memory"};
    ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_checksumFlag, 1);
  }

  void write(std::string_view text) override { compress(text, ZSTD_e_continue); }

  void finish() override {
    compress({}, ZSTD_e_end);
    file_.finish();
  }

 private:
  void compress(std::string_view text, ZSTD_EndDirective directive) {
    ZSTD_inBuffer from{text.data(), text.size(), 0};
    for (bool done = false; !done;) {
      ZSTD_outBuffer to{out_.data(), out_.size(), 0};
      const size_t left = ZSTD_compressStream2(context_.get(), &to, &from, directive);
      if (ZSTD_isError(left)) throw Error{ErrorCode::kIo, "zstd: {}", ZSTD_getErrorName(left)};
      file_.write({out_.data(), to.pos});
      done = directive == ZSTD_e_end ? left == 0 : from.pos == from.size;
    }
  }

  struct FreeContext {
    void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  };
  OutputFile file_;
  std::vector<char> out_;
  std::unique_ptr<ZSTD_CCtx, FreeContext> context_;
};

}  // namespace

std::unique_ptr<TextWriter> create_text(const std::string& path) {
  if (::access(path.c_str(), F_OK) == 0) {
    throw Error{ErrorCode::kUsage, "{}: exists already; remove it or choose another name", path};
  }
  if (path.ends_with(".gz")) return std::make_unique<GzipWriter>(path);
  if (path.ends_with(".zst")) return std::make_unique<ZstdWriter>(path);
  return std::make_unique<PlainWriter>(path);
}

}  // namespace strata::data
