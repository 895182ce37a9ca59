#include "storage/chained_rows.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/error.h"
#include "storage/npy.h"

namespace strata::storage {
namespace {

constexpr size_t kMostRows = 4096;  // of a block that is put together
constexpr int64_t kRemovedPiece = 8192;

/// Keys of a .npy file, ascending.
class RemovedKeys {
 public:
  RemovedKeys(const FileSystem& files, const std::string& name) {
    if (name.empty()) return;
    reader_.emplace(files.open(name));
    if (reader_->header().type != NpyType::kU64 || reader_->header().cols != 0) {
      throw Error(ErrorCode::kCorrupt, "{} is not a list of keys", reader_->path());
    }
    read();
  }
  bool valid() const { return at_ < keys_.size(); }
  uint64_t h() const { return keys_[at_]; }
  void advance() {
    const uint64_t last = h();
    if (++at_ == keys_.size()) read();
    if (valid() && h() <= last) {
      throw Error(ErrorCode::kCorrupt, "{}: keys do not ascend", reader_->path());
    }
  }

 private:
  void read() {
    const int64_t count = std::min(kRemovedPiece, reader_->header().rows - next_);
    keys_.resize(static_cast<size_t>(count));
    reader_->read_rows(next_, std::as_writable_bytes(std::span(keys_)));
    next_ += count;
    at_ = 0;
  }

  std::optional<NpyReader> reader_;
  std::vector<uint64_t> keys_;
  size_t at_ = 0;
  int64_t next_ = 0;
};

}  // namespace

std::vector<ChainedFiles> chained_files(std::span<const ChainLink> chain,
                                        const std::string& folder) {
  std::vector<ChainedFiles> found(chain.size());
  for (size_t link = 0; link < chain.size(); ++link) {
    for (const ManifestFile& file : chain[link].manifest.files) {
      if (!file.name.starts_with(folder)) continue;
      std::string path = join_name(chain[link].directory, file.name);
      if (file.name.ends_with(".rows")) found[link].rows.push_back(path);
      if (file.name == folder + kRemovedName) found[link].removed = std::move(path);
    }
  }
  return found;
}

/// The rows of one directory, one after another.
struct ChainedRows::Stream {
  Stream(const FileSystem& files, ChainedFiles names, std::function<void(BlockFileReader&)> open)
      : files(files),
        names(std::move(names.rows)),
        opened(std::move(open)),
        removed(files, names.removed) {}

  /// The next block of the files; false after the last.
  bool next_block() {
    at = 0;
    while (!reader || !reader->next(block)) {
      block = {};
      if (file == names.size()) return false;
      reader = std::make_unique<BlockFileReader>(files.open(names[file++]));
      opened(*reader);
    }
    return true;
  }
  bool valid() const { return at < block.keys.size(); }
  uint64_t h() const { return block.keys[at]; }
  void advance() {
    if (++at == block.keys.size()) next_block();
  }

  const FileSystem& files;
  std::vector<std::string> names;
  std::function<void(BlockFileReader&)> opened;
  RemovedKeys removed;
  size_t file = 0;  // the next to open
  std::unique_ptr<BlockFileReader> reader;
  RowBlock block;
  size_t at = 0;  // row of the block
};

ChainedRows::ChainedRows(const FileSystem& files, std::vector<ChainedFiles> chain, Check check)
    : files_(files), check_(std::move(check)) {
  for (size_t link = chain.size(); link-- > 0;) {
    streams_.push_back(std::make_unique<Stream>(
        files_, std::move(chain[link]), [this, link](const BlockFileReader& reader) {
          if (any_ && !(reader.header().layout == layout_)) {
            throw Error(ErrorCode::kCorrupt, "{}: its rows are not laid out as those before it",
                        reader.path());
          }
          any_ = true;
          layout_ = reader.header().layout;
          check_(reader, link);
        }));
  }
  if (streams_.size() == 1) return;
  for (const auto& stream : streams_) stream->next_block();
}

ChainedRows::~ChainedRows() = default;

const kernels::RowLayout& ChainedRows::layout() const { return layout_; }

bool ChainedRows::next(RowBlock& out) {
  if (streams_.size() == 1) {
    Stream& only = *streams_.front();
    if (!only.next_block()) return false;
    out = only.block;
    return true;
  }
  keys_.clear();
  rows_.clear();
  while (keys_.size() < kMostRows && take_one()) {
  }
  out = {.shard = 0, .keys = keys_, .rows = rows_};
  return !keys_.empty();
}

/// Takes the least key of all directories as the newest that has it says; false when none is left.
bool ChainedRows::take_one() {
  std::optional<uint64_t> least;
  for (const auto& stream : streams_) {
    if (stream->valid() && (!least || stream->h() < *least)) least = stream->h();
    if (stream->removed.valid() && (!least || stream->removed.h() < *least)) {
      least = stream->removed.h();
    }
  }
  if (!least) return false;
  bool decided = false;
  const auto width = static_cast<size_t>(layout_.row_bytes());
  for (const auto& stream : streams_) {
    if (stream->valid() && stream->h() == *least) {
      if (!decided) {
        const auto row = stream->block.rows.subspan(stream->at * width, width);
        keys_.push_back(*least);
        rows_.insert(rows_.end(), row.begin(), row.end());
        decided = true;
      }
      stream->advance();
    }
    if (stream->removed.valid() && stream->removed.h() == *least) {
      decided = true;
      stream->removed.advance();
    }
  }
  return true;
}

}  // namespace strata::storage
